"""A store in a bucket (``s3://`` and other fsspec addresses), with a verified cache on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from artifacts.backend import Entry
from artifacts.failures import PAUSES_S, retried
from artifacts.folders import content_problem, folder_problem, make_folder
from artifacts.hashing import HashMemo
from artifacts.layout import QUARANTINE
from artifacts.manifest import Damaged, Output
from counterpoise.errors import StoreError


class _Unconditional(Exception):
    """The server does not know conditional writes."""


class RemoteBackend:
    """Implements :class:`artifacts.backend.Backend` on an fsspec file system.

    Args:
        url: address of the store, e.g. ``s3://bucket/folder``; credentials and endpoint come from the
            environment (``AWS_…``), never from the address.
        cache: local folder for verified downloads and drafts.
        memo: which large local files were verified already.
    """

    def __init__(self, url: str, cache: Path, memo: HashMemo) -> None:
        self.url = url.rstrip("/")
        self.pauses_s = PAUSES_S
        self.workspace = cache / "tmp"
        self._objects = cache
        self._memo = memo
        self._is_s3 = url.startswith(("s3://", "s3a://"))
        self._fs, self._root = _file_system(self.url, self._is_s3)

    def is_transient(self, error: Exception) -> bool:
        """Everything a network does may pass, except a refusal of access."""
        return not isinstance(error, PermissionError | NotImplementedError | TypeError)

    @retried
    def read(self, name: str) -> bytes:
        """See :meth:`Backend.read`."""
        return bytes(self._fs.cat_file(self._path(name)))

    @retried
    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Backend.write`: one PUT is atomic."""
        self._fs.pipe_file(self._path(name), data)

    @retried
    def swap(self, name: str, expected: bytes | None, new: bytes | None) -> bool:
        """See :meth:`Backend.swap`: a conditional PUT, or the last writer's check where there is none."""
        try:
            current: bytes | None = bytes(self._fs.cat_file(self._path(name)))
        except FileNotFoundError:
            current = None
        if current != expected:
            return False
        if new is None:
            self._delete(name)
            return True
        if self._is_s3:
            try:
                return self._conditional_put(name, expected, new)
            except _Unconditional:
                pass
        self._fs.pipe_file(self._path(name), new)
        return bytes(self._fs.cat_file(self._path(name))) == new

    def _conditional_put(self, name: str, expected: bytes | None, new: bytes) -> bool:
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": f'"{_md5(expected)}"'}
        try:
            self._fs.pipe_file(self._path(name), new, **condition)
        except FileNotFoundError:
            return False
        except (OSError, NotImplementedError, ValueError) as error:
            code = _error_code(error)
            if code in {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}:
                return bytes(self._fs.cat_file(self._path(name))) == new  # our own PUT, tried twice
            if code in {"NotImplemented", "501", "InvalidArgument"}:
                raise _Unconditional from None
            raise
        return True

    @retried
    def remove(self, name: str) -> None:
        """See :meth:`Backend.remove`."""
        self._delete(name)

    def touch(self, name: str) -> None:
        """See :meth:`Backend.touch`: a bucket keeps only the time of writing."""

    @retried
    def entries(self, prefix: str) -> list[Entry]:
        """See :meth:`Backend.entries`."""
        return [
            Entry(f"{prefix}/{name}", int(info["size"]), _mtime(info))
            for name, info in sorted(self._infos(prefix).items())
        ]

    def publish(self, folder: Path, name: str, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """See :meth:`Backend.publish`: uploads what is not there; nothing reads it before the manifest."""
        there = self._listed(name)
        for output in outputs:
            info = there.get(output.name)
            if info is None or int(info["size"]) != output.size or not self._is_known(name, output, info):
                self.upload(folder / output.name, f"{name}/{output.name}")
        there = self._listed(name)
        for output in outputs:
            if output.name not in there or int(there[output.name]["size"]) != output.size:
                raise StoreError(
                    f"store {self.url}, {name}/{output.name}: not there after its upload", "run again"
                )
        self._keep(folder, name, outputs)
        return tuple(replace(output, tag=_tag(there[output.name])) for output in outputs)

    def _is_known(self, name: str, output: Output, info: dict[str, Any]) -> bool:
        """Whether the file in the bucket provably is ``output``: only a plain MD5 tag proves it."""
        local = self._local(name) / output.name
        return local.is_file() and _tag(info) == _md5(local.read_bytes()) if output.size < 1 << 20 else False

    def problem(self, name: str, outputs: Sequence[Output], full: bool = False) -> str | None:
        """See :meth:`Backend.problem`: sizes and version tags; bytes when a tag is not the one uploaded."""
        there = self._listed(name)
        for output in outputs:
            info = there.pop(output.name, None)
            if info is None:
                return f"{output.name} is missing"
            if int(info["size"]) != output.size:
                return f"{output.name} has {info['size']} bytes, expected {output.size}"
            if full or output.tag is None or _tag(info) != output.tag:
                problem = self._bytes_problem(name, output)
                if problem is not None:
                    return problem
        return f"{min(there)} does not belong there" if there else None

    def _bytes_problem(self, name: str, output: Output) -> str | None:
        draft = self.workspace / f"check-{uuid.uuid4().hex}"
        try:
            self.download(f"{name}/{output.name}", draft / output.name)
            return folder_problem(draft, [output], None)
        finally:
            _remove_folder(draft)

    def fetch(self, name: str, files: Sequence[str], sha256: str) -> Path:
        """See :meth:`Backend.fetch`: downloaded once, verified, then renamed into the local cache."""
        target = self._local(name)
        if content_problem(target, files, sha256, self._memo) is None:
            return target
        draft = self.workspace / f"fetch-{uuid.uuid4().hex}"
        try:
            for file in files:
                try:
                    self.download(f"{name}/{file}", draft / file)
                except FileNotFoundError:
                    raise Damaged(f"{file} is missing") from None
            problem = content_problem(draft, files, sha256, self._memo)
            if problem is not None:
                raise Damaged(problem)
            self._place(draft, target, files, sha256)
        finally:
            _remove_folder(draft)
        return target

    def _keep(self, folder: Path, name: str, outputs: Sequence[Output]) -> None:
        """Moves a committed draft into the local cache, so that this machine need not download it."""
        with contextlib.suppress(OSError):
            target = self._local(name)
            if not target.exists():
                make_folder(target.parent)
                folder.rename(target)

    def _place(self, draft: Path, target: Path, files: Sequence[str], sha256: str) -> None:
        make_folder(target.parent)
        for _ in range(3):
            if target.exists() and content_problem(target, files, sha256, self._memo) is not None:
                with contextlib.suppress(OSError):
                    target.rename(self.workspace / f"trash-{uuid.uuid4().hex}")
            try:
                draft.rename(target)
                return
            except OSError:
                if not target.exists():
                    raise
            if content_problem(target, files, sha256, self._memo) is None:
                return  # another process placed the same content
        raise StoreError(f"the cache folder {target} cannot be replaced", "remove it, then run again")

    @retried
    def upload(self, path: Path, name: str) -> None:
        """See :meth:`Backend.upload`."""
        self._fs.put_file(str(path), self._path(name))

    @retried
    def download(self, name: str, path: Path) -> None:
        """See :meth:`Backend.download`."""
        make_folder(path.parent)
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            size = int(self._fs.info(self._path(name))["size"])
            self._fs.get_file(self._path(name), str(draft))
            if draft.stat().st_size != size:
                raise OSError(f"download ended after {draft.stat().st_size} of {size} bytes")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    @retried
    def quarantine(self, name: str, reason: str) -> None:
        """See :meth:`Backend.quarantine`; a damaged object folder stays, a new upload replaces its files."""
        label = f"{QUARANTINE}/{name.replace('/', '~')}~{uuid.uuid4().hex[:8]}"
        try:
            data = bytes(self._fs.cat_file(self._path(name)))
        except (FileNotFoundError, IsADirectoryError):
            return
        self._fs.pipe_file(self._path(label), data)
        self._fs.pipe_file(self._path(f"{label}.reason.txt"), f"{name}: {reason}\n".encode())
        self._delete(name)

    @retried
    def remove_tree(self, name: str) -> None:
        """See :meth:`Backend.remove_tree`."""
        for file in self._infos(name):
            self._delete(f"{name}/{file}")

    @retried
    def _listed(self, name: str) -> dict[str, dict[str, Any]]:
        return self._infos(name)

    def _infos(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Name below ``prefix`` to what the server says about each file."""
        base = self._path(prefix)
        try:
            found = self._fs.find(base, detail=True)
        except FileNotFoundError:
            return {}
        return {path[len(base) + 1 :]: info for path, info in found.items() if path.startswith(f"{base}/")}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _local(self, name: str) -> Path:
        return self._objects / name


def _file_system(url: str, is_s3: bool) -> tuple[Any, str]:
    import fsspec  # noqa: PLC0415 (a tenth of a second that local stores need not spend)

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if is_s3:
        # Its own retries would multiply with ours.
        options["config_kwargs"] = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": 10,
            "read_timeout": 30,
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


def _tag(info: dict[str, Any]) -> str | None:
    tag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    return str(tag).strip('"') if tag else None


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _error_code(error: BaseException) -> str:
    """The server's own code, from the botocore error that s3fs translated."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        seen = seen.__cause__
    return ""


def _mtime(info: dict[str, Any]) -> float:
    when = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    return when.timestamp() if isinstance(when, datetime) else float(when)


def _remove_folder(folder: Path) -> None:
    import shutil  # noqa: PLC0415

    shutil.rmtree(folder, ignore_errors=True)
