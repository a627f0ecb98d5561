"""What different remote file systems call things, and the options ours are opened with."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from counterpoise.errors import StoreError

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 30.0
_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"}


def file_system(url: str, is_s3: bool) -> tuple[Any, str]:
    """The fsspec file system of ``url`` and the store's path in it.

    Raises:
        StoreError: the address means nothing, or its extra is not installed.
    """
    import fsspec  # noqa: PLC0415 (a tenth of a second that local stores need not spend)

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if is_s3:
        # Its own retries would multiply with ours.
        options["config_kwargs"] = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
        }
    try:
        fs, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise StoreError(
            f"store {url}: {error}", "install the extra for it, e.g. `pip install 'counterpoise[s3]'`"
        ) from None
    except (ValueError, OSError) as error:
        raise StoreError(f"store {url}: {error}", "pass a folder, file://… or s3://bucket/folder") from None
    if is_s3:
        fs.retries = 1
    return fs, str(root).rstrip("/")


def tag(info: dict[str, Any]) -> str | None:
    """What the server calls this version of a file."""
    found = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    return str(found).strip('"') if found else None


def is_same(path: Path, info: dict[str, Any] | None) -> bool:
    """Whether the file in the bucket provably is ``path``: its tag is the MD5 of the bytes."""
    if info is None or int(info["size"]) != path.stat().st_size:
        return False
    with path.open("rb") as file:
        return tag(info) == hashlib.file_digest(file, _md5).hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


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


def mtime(info: dict[str, Any]) -> float:
    """When a file was written, Unix seconds; 0 when the server does not say."""
    when = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    return when.timestamp() if isinstance(when, datetime) else float(when)
