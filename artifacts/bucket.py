"""Calls to an fsspec file system, each with a time limit: a silent server must not stop a run for ever."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from counterpoise.errors import StoreError
from counterpoise.extras import install_command

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 30.0
CALL_LIMIT_S = 60.0
"""Longest time for one request apart from its data, seconds; the client's own timeouts miss some silences."""
SLOWEST_BYTES_PER_S = 256 * 1024
"""A transfer slower than this counts as stalled."""

_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"}
_HOPELESS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "InvalidRegionError"}

Info = dict[str, Any]


class Bucket:
    """One folder of a remote file system. Names are relative to it.

    Args:
        url: its address.

    Raises:
        StoreError: the address means nothing, or its extra is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_s3 = url.startswith(("s3://", "s3a://"))
        self._fs, self._root = _file_system(url, self.is_s3)
        # Four parts of 16 MiB in memory at a time, where the client's default is ten of 50.
        self._parts = {"chunksize": 1 << 24, "max_concurrency": 4} if self.is_s3 else {}

    def cat(self, name: str) -> bytes:
        """The bytes of a small file."""
        return bytes(self._call("cat_file", self._path(name)))

    def put(self, name: str, data: bytes, **condition: str) -> None:
        """Replaces a small file; on S3 ``condition`` may be ``IfMatch`` or ``IfNoneMatch``."""
        try:
            self._call("pipe_file", self._path(name), data, size=len(data), **condition)
        except FileNotFoundError:
            if condition:
                raise
            raise self._no_bucket() from None

    def upload(self, path: Path, name: str) -> None:
        """Copies a local file there."""
        try:
            self._call("put_file", str(path), self._path(name), size=path.stat().st_size, **self._parts)
        except FileNotFoundError:
            if not path.exists():
                raise
            raise self._no_bucket() from None

    def download(self, name: str, path: Path) -> None:
        """Copies a file here.

        Raises:
            OSError: fewer bytes came than the server has.
        """
        size = int(self.info(name)["size"])
        self._call("get_file", self._path(name), str(path), size=size)
        if path.stat().st_size != size:
            raise OSError(f"the download ended after {path.stat().st_size} of {size} bytes")

    def info(self, name: str) -> Info:
        """What the server says about a file."""
        return dict(self._call("info", self._path(name)))

    def find(self, prefix: str) -> dict[str, Info]:
        """Every file under ``prefix``, by its name below it."""
        base = self._path(prefix)
        try:
            found = self._call("find", base, detail=True)
        except FileNotFoundError:
            return {}
        return {path[len(base) + 1 :]: info for path, info in found.items() if path.startswith(f"{base}/")}

    def delete(self, name: str) -> None:
        """Deletes a file; absent is fine."""
        with contextlib.suppress(FileNotFoundError):
            self._call("rm_file", self._path(name))

    def _call(self, method: str, *args: Any, size: int = 0, **kwargs: Any) -> Any:
        if not self._fs.async_impl:
            return getattr(self._fs, method)(*args, **kwargs)
        limit = CALL_LIMIT_S + size / SLOWEST_BYTES_PER_S
        call = asyncio.wait_for(getattr(self._fs, f"_{method}")(*args, **kwargs), limit)
        return asyncio.run_coroutine_threadsafe(call, self._fs.loop).result()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _no_bucket(self) -> StoreError:
        return StoreError(f"store {self.url}: the bucket does not exist", "create it, or correct the address")


PACKAGES = {
    "s3": "counterpoise[s3]",
    "s3a": "counterpoise[s3]",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}
"""What to install for a store at an address of that kind."""


def _file_system(url: str, is_s3: bool) -> tuple[Any, str]:
    import fsspec  # noqa: PLC0415 (a tenth of a second that local stores need not spend)

    options: dict[str, Any] = {"use_listings_cache": False}
    if is_s3:
        # Its own retries would multiply with ours.
        options["config_kwargs"] = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
        }
        # Said here as well because fsspec shares file systems that were opened with the same options.
        options["endpoint_url"] = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    try:
        fs, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        package = PACKAGES.get(url.partition("://")[0], str(error.name or ""))
        raise StoreError(f"store {url} needs {error.name or package}", install_command(package)) from None
    except (ValueError, OSError) as error:
        raise StoreError(f"store {url}: {error}", "pass a folder, file://… or s3://bucket/folder") from None
    if is_s3:
        fs.retries = 1
    return fs, str(root).rstrip("/")


def is_transient(error: Exception) -> bool:
    """Everything a network does may pass, except a refusal of access or an address that cannot be right."""
    is_final = isinstance(error, PermissionError | NotImplementedError | TypeError)
    return not is_final and type(error).__name__ not in _HOPELESS


def is_lost_race(error: BaseException) -> bool:
    """Whether a conditional PUT was refused because the file changed."""
    return _error_code(error) in _LOST_RACE


def _error_code(error: BaseException) -> str:
    """The server's own code, from the botocore error that s3fs translated."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        seen = seen.__cause__
    return ""


def tag_of(info: Info) -> str | None:
    """What the server calls this version of a file."""
    found = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    return str(found).strip('"') if found else None


def mtime_of(info: Info) -> float:
    """When a file was written, Unix seconds; 0 when the server does not say."""
    when = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    return when.timestamp() if isinstance(when, datetime) else float(when)


def is_same(path: Path, info: Info | None) -> bool:
    """Whether the file in the bucket provably is ``path``: its tag is the MD5 of the bytes."""
    if info is None or int(info["size"]) != path.stat().st_size:
        return False
    with path.open("rb") as file:
        return tag_of(info) == hashlib.file_digest(file, _md5).hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
