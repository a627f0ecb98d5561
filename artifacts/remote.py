"""A store in a bucket (``s3://`` and other fsspec addresses), with a verified cache on this machine."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from counterpoise.artifacts.backend import Entry
from counterpoise.artifacts.bucket import Bucket, Info, is_lost_race, is_same, is_transient, mtime_of, tag_of
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.failures import PAUSES_S, retried
from counterpoise.artifacts.folders import content_problem, folder_problem, make_folder
from counterpoise.artifacts.hashing import HashMemo
from counterpoise.artifacts.layout import QUARANTINE
from counterpoise.artifacts.manifest import Output
from counterpoise.artifacts.workspace import own_folder
from counterpoise.errors import StoreError
from counterpoise.files import replacing, sync_tree


class RemoteBackend:
    """Implements :class:`counterpoise.artifacts.backend.Backend` on an fsspec file system.

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
        self._cache = cache
        self._memo = memo
        self._bucket = Bucket(self.url)

    def is_transient(self, error: Exception) -> bool:
        """Whether the network may do better a moment later."""
        return is_transient(error)

    @retried
    def read(self, name: str) -> bytes:
        """See :meth:`Backend.read`."""
        return self._bucket.cat(name)

    @retried
    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Backend.write`: one PUT is atomic."""
        self._bucket.put(name, data)

    @retried
    def swap(self, name: str, expected: bytes | None, new: bytes | None) -> bool:
        """See :meth:`Backend.swap`: a conditional PUT, or the last writer's check where there is none.

        A file given up (``new`` is None) stays behind empty: deleting has no condition.
        """
        data = b"" if new is None else new
        current, tag = self._tagged(name)
        if current != expected:
            return current == data  # our own PUT, whose answer was lost
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            self._bucket.put(name, data, **(condition if self._bucket.is_s3 else {}))
        except Exception as error:
            if not is_lost_race(error):
                raise
        return self._tagged(name)[0] == data

    def _tagged(self, name: str) -> tuple[bytes | None, str | None]:
        """A file's bytes, and a version tag that is at least as old as they are."""
        try:
            tag = self._bucket.info(name).get("ETag")
            return self._bucket.cat(name), tag
        except FileNotFoundError:
            return None, None

    @retried
    def remove(self, name: str) -> None:
        """See :meth:`Backend.remove`."""
        self._bucket.delete(name)

    def touch(self, name: str) -> None:
        """See :meth:`Backend.touch`: a bucket keeps only the time of writing."""

    @retried
    def entries(self, prefix: str) -> list[Entry]:
        """See :meth:`Backend.entries`."""
        found = sorted(self._bucket.find(prefix).items())
        return [Entry(f"{prefix}/{name}", int(info["size"]), mtime_of(info)) for name, info in found]

    def publish(self, folder: Path, name: str, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """See :meth:`Backend.publish`: uploads what is not there; nothing reads it before the manifest."""
        there = self._listed(name)
        for output in outputs:
            if not is_same(folder / output.name, there.get(output.name)):
                self.upload(folder / output.name, f"{name}/{output.name}")
        there = self._listed(name)
        for output in outputs:
            if int(there.get(output.name, {}).get("size", -1)) != output.size:
                raise StoreError(
                    f"store {self.url}, {name}/{output.name}: lost after its upload", "run again"
                )
        return tuple(replace(output, tag=tag_of(there[output.name])) for output in outputs)

    def problem(self, name: str, outputs: Sequence[Output], full: bool = False) -> str | None:
        """See :meth:`Backend.problem`: sizes and version tags; bytes when a tag is not the one uploaded."""
        there = self._listed(name)
        for output in outputs:
            info = there.get(output.name)
            if info is None:
                return f"{output.name} is missing"
            if int(info["size"]) != output.size:
                return f"{output.name} has {info['size']} bytes, expected {output.size}"
            if full or output.tag is None or tag_of(info) != output.tag:
                problem = self._bytes_problem(name, output)
                if problem is not None:
                    return problem
        return None

    def _bytes_problem(self, name: str, output: Output) -> str | None:
        with own_folder(self.workspace, self.url, "check-") as draft:
            self.download(f"{name}/{output.name}", draft / output.name)
            return folder_problem(draft, [output], None)

    def fetch(self, name: str, files: Sequence[str], sha256: str) -> Path:
        """See :meth:`Backend.fetch`: downloaded once, verified, then renamed into the local cache."""
        target = self._cache / name
        if content_problem(target, files, sha256, self._memo) is None:
            return target
        try:
            self._download_object(name, target, files, sha256)
        except Damaged:
            self._download_object(name, target, files, sha256)  # a network may lie once
        return target

    def _download_object(self, name: str, target: Path, files: Sequence[str], sha256: str) -> None:
        with own_folder(self.workspace, self.url, "fetch-") as draft:
            for file in files:
                try:
                    self.download(f"{name}/{file}", draft / file)
                except FileNotFoundError:
                    raise Damaged(f"{file} is missing") from None
            problem = content_problem(draft, files, sha256, self._memo)
            if problem is not None:
                raise Damaged(problem)
            sync_tree(draft)
            self._place(draft, target, files, sha256)

    def heal(self, name: str, outputs: Sequence[str]) -> bool:
        """See :meth:`Backend.heal`: a download takes only the files it wants, so none can disturb."""
        return False

    def settle(self, folder: Path, name: str) -> None:
        """See :meth:`Backend.settle`: this machine need not download what it uploaded."""
        with contextlib.suppress(OSError):
            if not (self._cache / name).exists():
                sync_tree(folder)
                make_folder((self._cache / name).parent)
                folder.rename(self._cache / name)

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
        self._bucket.upload(path, name)

    @retried
    def download(self, name: str, path: Path) -> None:
        """See :meth:`Backend.download`."""
        make_folder(path.parent)
        with replacing(path, durable=False) as draft:
            self._bucket.download(name, draft)

    @retried
    def quarantine(self, name: str, reason: str) -> None:
        """See :meth:`Backend.quarantine`; a damaged object folder stays, a new upload replaces its files."""
        label = f"{QUARANTINE}/{name.replace('/', '~')}~{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            self._bucket.put(label, self._bucket.cat(name))
            self._bucket.put(f"{label}.reason.txt", f"{name}: {reason}\n".encode())
            self._bucket.delete(name)

    @retried
    def remove_tree(self, name: str) -> None:
        """See :meth:`Backend.remove_tree`."""
        for file in self._bucket.find(name):
            self._bucket.delete(f"{name}/{file}")
        self._bucket.delete(name)

    def used_at(self, name: str) -> float:
        """See :meth:`Backend.used_at`: a bucket has no folders."""
        return 0.0

    @retried
    def _listed(self, name: str) -> dict[str, Info]:
        return self._bucket.find(name)
