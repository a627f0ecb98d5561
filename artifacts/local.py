"""A store in a folder of this machine (or of a network file system mounted here)."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from counterpoise.artifacts.backend import Entry
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.failures import PAUSES_S, is_transient_os_error, retried, store_error
from counterpoise.artifacts.folders import (
    content_problem,
    folder_problem,
    make_folder,
    walk_files,
    write_atomic,
)
from counterpoise.artifacts.hashing import HashMemo
from counterpoise.artifacts.layout import LEASES, QUARANTINE, TMP
from counterpoise.artifacts.locks import FileLock
from counterpoise.artifacts.manifest import Output
from counterpoise.errors import StoreError
from counterpoise.files import replacing, sync_folder, sync_tree

_LOCK_WAIT_S = 10.0


class LocalBackend:
    """Implements :class:`counterpoise.artifacts.backend.Backend` on a folder.

    Args:
        root: the store's folder.
        memo: which large files were verified already.
    """

    def __init__(self, root: Path, memo: HashMemo) -> None:
        self.root = root
        self.url = str(root)
        self.workspace = root / TMP
        self.pauses_s = PAUSES_S
        self._memo = memo

    def is_transient(self, error: Exception) -> bool:
        """Whether a network file system may answer a moment later."""
        return is_transient_os_error(error)

    @retried
    def read(self, name: str) -> bytes:
        """See :meth:`Backend.read`."""
        try:
            return (self.root / name).read_bytes()
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args) from None

    @retried
    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Backend.write`."""
        write_atomic(self.root / name, data, self.workspace)

    @retried
    def swap(self, name: str, expected: bytes | None, new: bytes | None) -> bool:
        """See :meth:`Backend.swap`; exclusive between processes by ``flock``, which dies with its process."""
        path = self.root / name
        with self._exclusive():
            try:
                current: bytes | None = path.read_bytes()
            except FileNotFoundError:
                current = None
            if current != expected:
                return False
            if new is None:
                path.unlink(missing_ok=True)
            else:
                write_atomic(path, new, self.workspace, durable=False)
            return True

    @retried
    def remove(self, name: str) -> None:
        """See :meth:`Backend.remove`."""
        (self.root / name).unlink(missing_ok=True)

    def touch(self, name: str) -> None:
        """See :meth:`Backend.touch`."""
        with contextlib.suppress(OSError):
            os.utime(self.root / name)

    @retried
    def entries(self, prefix: str) -> list[Entry]:
        """See :meth:`Backend.entries`."""
        return sorted(_entries(self.root / prefix, prefix), key=lambda entry: entry.name)

    def publish(self, folder: Path, name: str, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """See :meth:`Backend.publish`: fsync, one rename, fsync of the folder that names it."""
        try:
            sync_tree(folder)
        except OSError as error:
            # Never tried again: after a failed fsync a second one may succeed without having written.
            raise store_error(error, self.url, (name,)) from error
        return self._place(folder, name, outputs)

    @retried
    def _place(self, folder: Path, name: str, outputs: Sequence[Output]) -> tuple[Output, ...]:
        target = self.root / name
        make_folder(target.parent)
        for _ in range(3):
            if target.exists():
                if folder_problem(target, outputs, None) is None:
                    self.touch(name)
                    return tuple(outputs)
                self._put_aside(name, "its content was damaged when the same artifact was committed again")
            try:
                folder.rename(target)
            except OSError as error:
                if not (target.exists() and folder.exists()):
                    raise error
                continue
            sync_folder(target.parent)
            return tuple(outputs)
        raise StoreError(
            f"store {self.url}, {name}: cannot be replaced", "remove that folder, then run again"
        )

    @retried
    def problem(self, name: str, outputs: Sequence[Output], full: bool = False) -> str | None:
        """See :meth:`Backend.problem`."""
        return folder_problem(self.root / name, outputs, None if full else self._memo)

    @retried
    def fetch(self, name: str, files: Sequence[str], sha256: str) -> Path:
        """See :meth:`Backend.fetch`: the folder itself, in place."""
        problem = content_problem(self.root / name, files, sha256, self._memo)
        if problem is not None:
            raise Damaged(problem)
        return self.root / name

    def upload(self, path: Path, name: str) -> None:
        """See :meth:`Backend.upload`."""
        target = self.root / name
        if path.absolute() != target.absolute():
            self._copy(name, path, target)

    def download(self, name: str, path: Path) -> None:
        """See :meth:`Backend.download`."""
        source = self.root / name
        if path.absolute() != source.absolute():
            self._copy(name, source, path)

    @retried
    def _copy(self, name: str, source: Path, target: Path) -> None:
        make_folder(target.parent)
        with replacing(target, durable=False) as draft:
            shutil.copyfile(source, draft)

    @retried
    def quarantine(self, name: str, reason: str) -> None:
        """See :meth:`Backend.quarantine`."""
        self._put_aside(name, reason)

    def _put_aside(self, name: str, reason: str) -> None:
        label = f"{name.replace('/', '~')}~{uuid.uuid4().hex[:8]}"
        aside = self.root / QUARANTINE / label
        make_folder(aside.parent)
        with contextlib.suppress(FileNotFoundError):
            (self.root / name).rename(aside)
            write_atomic(
                aside.with_name(f"{label}.reason.txt"), f"{name}: {reason}\n".encode(), self.workspace
            )

    @retried
    def remove_tree(self, name: str) -> None:
        """See :meth:`Backend.remove_tree`."""
        make_folder(self.workspace)
        trash = self.workspace / f"trash-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            (self.root / name).rename(trash)
            shutil.rmtree(trash) if trash.is_dir() else trash.unlink()

    def used_at(self, name: str) -> float:
        """See :meth:`Backend.used_at`."""
        try:
            return (self.root / name).stat().st_mtime
        except OSError:
            return 0.0

    @retried
    def heal(self, name: str, outputs: Sequence[str]) -> bool:
        """See :meth:`Backend.heal`."""
        folder = self.root / name
        strays = sorted(set(walk_files(folder)) - set(outputs)) if folder.is_dir() else []
        for stray in strays:
            self._put_aside(f"{name}/{stray}", "does not belong there")
        return bool(strays)

    def settle(self, folder: Path, name: str) -> None:
        """See :meth:`Backend.settle`: the draft itself was moved into place."""

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Holds the store's lock for one short moment.

        A process that stopped while holding it must not stop everyone: after ten seconds we go on
        without. Leases only save work; what is committed is atomic without them.
        """
        make_folder(self.root / LEASES)
        path, deadline = self.root / LEASES / ".lock", time.monotonic() + _LOCK_WAIT_S
        while (lock := FileLock.attempt(path)) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        try:
            yield
        finally:
            if lock is not None:
                lock.release()


def _entries(folder: Path, prefix: str) -> Iterator[Entry]:
    try:
        found = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for item in found:
        name = f"{prefix}/{item.name}"
        if item.is_dir(follow_symlinks=False):
            yield from _entries(Path(item.path), name)
            continue
        with contextlib.suppress(FileNotFoundError):
            status = item.stat(follow_symlinks=False)
            yield Entry(name, status.st_size, status.st_mtime)
