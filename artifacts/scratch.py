"""What an unfinished stage keeps: shards and checkpoints, each with a marker that says it is complete."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path

from artifacts.backend import Backend
from artifacts.failures import is_transient_os_error, store_error
from artifacts.folders import describe, folder_problem, make_folder, sync_folder, sync_tree
from artifacts.hashing import sha256_file
from artifacts.layout import is_safe_file_name, scratch_name
from artifacts.local import LocalBackend
from artifacts.manifest import Damaged, Output, sealed, unsealed
from counterpoise.errors import StoreError

MARKER = ".COMPLETE"


class Scratch:
    """A working folder that survives a kill, and its complete items in the shared store.

    An item is one file or folder directly inside :attr:`folder`. Its marker, ``<item>.COMPLETE``, is
    written last and holds size and sha256 of each of its files, so a torn item is known as such.

    Attributes:
        folder: local working folder. In a local store it is the store's own; a second process that
            wants it at the same time gets one of its own, so that two never write the same files.
    """

    def __init__(self, backend: Backend, name: str, folder: Path, lock: int | None) -> None:
        self._backend, self._name = backend, name
        self.folder = folder
        self._lock = lock

    @classmethod
    def open(cls, backend: Backend, stage: str, key: str) -> Scratch:
        """The scratch of ``key``; see :meth:`artifacts.store.Store.scratch`."""
        name = scratch_name(stage, key)
        if isinstance(backend, LocalBackend):
            folder = backend.root / name
        else:
            folder = backend.workspace.parent / "scratch" / _short(backend.url) / stage / key
        try:
            lock = _try_lock(folder)
            if lock is None:
                folder = folder.with_name(f"{folder.name}~{uuid.uuid4().hex[:12]}")
                lock = _try_lock(folder)
            make_folder(folder)
        except OSError as error:
            raise store_error(error, backend.url, (name,)) from error
        return cls(backend, name, folder, lock)

    def save(self, item: str) -> None:
        """Marks ``item`` complete and publishes it to the shared store, its marker last.

        Raises:
            StoreError: there is no such item, or it cannot be written.
        """
        path = self._path(item)
        try:
            outputs = _outputs(path)
            marker = sealed({"item": item, "files": [asdict(output) for output in outputs]})
            sync_tree(path) if path.is_dir() else _sync_file(path)
            sync_folder(self.folder)
        except FileNotFoundError:
            raise StoreError(
                f"scratch item {item!r} is not in {self.folder}", "write it there first"
            ) from None
        except OSError as error:
            raise store_error(error, self._backend.url, (f"{self._name}/{item}",)) from error
        if self._is_shared_elsewhere:
            self._backend.remove(f"{self._name}/{item}{MARKER}")
            for output in outputs:
                self._backend.upload(
                    path / output.name if path.is_dir() else path, self._file(item, output.name)
                )
            self._backend.write(f"{self._name}/{item}{MARKER}", marker)
        self._write_marker(item, marker)

    def items(self) -> tuple[str, ...]:
        """Names of the complete items in :attr:`folder`, sorted; every byte is checked."""
        markers = sorted(path.name for path in self.folder.glob(f"*{MARKER}"))
        names = (name.removesuffix(MARKER) for name in markers)
        return tuple(name for name in names if self._is_complete(name))

    def restore(self) -> tuple[str, ...]:
        """Brings complete items from the shared store into :attr:`folder` and clears torn ones away.

        Returns:
            The complete items, sorted by name.
        """
        kept = set(self.items())
        if self._is_shared_elsewhere:
            for entry in self._backend.entries(self._name):
                item = entry.name.removeprefix(f"{self._name}/").removesuffix(MARKER)
                if entry.name.endswith(MARKER) and "/" not in item and item not in kept:
                    if self._bring(item):
                        kept.add(item)
        for path in list(self.folder.iterdir()):
            if path.name.removesuffix(MARKER) not in kept:
                _delete(path)
        return tuple(sorted(kept))

    def remove(self, item: str) -> None:
        """Deletes an item here and in the shared store, marker first."""
        path = self._path(item)
        self._path(f"{item}{MARKER}").unlink(missing_ok=True)
        _delete(path)
        if self._is_shared_elsewhere:
            self._backend.remove(f"{self._name}/{item}{MARKER}")
            self._backend.remove(f"{self._name}/{item}")
            self._backend.remove_tree(f"{self._name}/{item}")

    def clear(self) -> None:
        """Deletes everything, here and in the shared store: the stage is committed."""
        if self._is_shared_elsewhere:
            self._backend.remove_tree(self._name)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()
        _lock_path(self.folder).unlink(missing_ok=True)

    def close(self) -> None:
        """Lets another process use the folder; the end of the process does the same."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _is_shared_elsewhere(self) -> bool:
        """Whether the shared items are other files than those in :attr:`folder`."""
        return not isinstance(self._backend, LocalBackend) or self.folder != self._backend.root / self._name

    def _bring(self, item: str) -> bool:
        try:
            marker = self._backend.read(f"{self._name}/{item}{MARKER}")
            files = _files(marker)
            _delete(self._path(item))
            for output in files:
                target = self._path(item) / output.name if output.name else self._path(item)
                self._backend.download(self._file(item, output.name), target)
        except (FileNotFoundError, Damaged):
            return False
        self._write_marker(item, marker)
        return self._is_complete(item)

    def _write_marker(self, item: str, marker: bytes) -> None:
        path = self._path(f"{item}{MARKER}")
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            draft.write_bytes(marker)
            _sync_file(draft)
            draft.replace(path)
            sync_folder(self.folder)
        except OSError as error:
            raise store_error(error, self._backend.url, (f"{self._name}/{item}",)) from error

    def _is_complete(self, item: str) -> bool:
        try:
            files = _files(self._path(f"{item}{MARKER}").read_bytes())
            path = self._path(item)
            if len(files) == 1 and not files[0].name:
                return path.stat().st_size == files[0].size and sha256_file(path) == files[0].sha256
            return folder_problem(path, files, None) is None
        except (Damaged, FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        except OSError as error:
            if is_transient_os_error(error):
                return False
            raise store_error(error, self._backend.url, (f"{self._name}/{item}",)) from error

    def _path(self, item: str) -> Path:
        if not is_safe_file_name(item) or "/" in item:
            raise StoreError(
                f"scratch item {item!r} is not a plain name", "name a file or folder in the scratch"
            )
        return self.folder / item

    def _file(self, item: str, name: str) -> str:
        return f"{self._name}/{item}/{name}" if name else f"{self._name}/{item}"


def _outputs(path: Path) -> tuple[Output, ...]:
    """The files of an item; one that is itself a file has the empty name."""
    if path.is_dir():
        return describe(path)
    return (Output("", path.stat().st_size, sha256_file(path)),)


def _files(marker: bytes) -> tuple[Output, ...]:
    try:
        files = tuple(Output(**file) for file in unsealed(marker)["files"])
    except (KeyError, TypeError) as error:
        raise Damaged(f"is not a marker ({error})") from None
    if not all(not file.name or is_safe_file_name(file.name) for file in files):
        raise Damaged("names a file outside its item")
    return files


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _try_lock(folder: Path) -> int | None:
    """A locked descriptor when no live process uses ``folder``, else None."""
    make_folder(folder.parent)
    descriptor = os.open(_lock_path(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        with contextlib.suppress(OSError):
            pass
    return descriptor


def _short(url: str) -> str:
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(url.encode()).hexdigest()[:16]
