"""What an unfinished stage keeps: shards and checkpoints, each with a marker that says it is complete."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.failures import store_error
from counterpoise.artifacts.folders import describe, folder_problem, make_folder
from counterpoise.artifacts.layout import is_safe_file_name, scratch_name
from counterpoise.artifacts.local import LocalBackend
from counterpoise.artifacts.locks import FileLock
from counterpoise.artifacts.manifest import Output, sealed, unsealed
from counterpoise.errors import StoreError
from counterpoise.files import replacing, sha256_file, sync_file, sync_folder, sync_tree

MARKER = ".COMPLETE"
PRIVATE = "~"
"""Follows the key in the name of a folder that a second process works in."""


class Scratch:
    """A working folder that survives a kill, and its complete items in the shared store.

    An item is one file or folder directly inside :attr:`folder`. Its marker, ``<item>.COMPLETE``, is
    written last and holds size and sha256 of each of its files, so a torn item is known as such.
    Never change an item once it is saved: give the next shard or checkpoint a name of its own.

    Attributes:
        folder: local working folder. In a local store it is the store's own; a second process that
            wants it at the same time gets one of its own, so that two never write the same files.
        restored: the items that the last :meth:`restore` found of earlier tries.
    """

    def __init__(self, backend: Backend, name: str, folder: Path, lock: FileLock) -> None:
        self._backend, self._name = backend, name
        self.folder = folder
        self.restored: tuple[str, ...] = ()
        self._saved: set[str] = set()
        self._lock = lock
        self._publishes = not isinstance(backend, LocalBackend)
        self._is_shared = isinstance(backend, LocalBackend) and folder == backend.root / name

    @classmethod
    def open(cls, backend: Backend, stage: str, key: str) -> Scratch:
        """The scratch of ``key``; see :meth:`counterpoise.artifacts.store.Store.scratch`."""
        name = scratch_name(stage, key)
        if isinstance(backend, LocalBackend):
            folder = backend.root / name
        else:
            store = hashlib.sha256(backend.url.encode()).hexdigest()[:16]
            folder = backend.workspace.parent / "scratch" / store / stage / key
        try:
            make_folder(folder.parent)
            lock = FileLock.attempt(_lock_of(folder))
            while lock is None:
                folder = folder.with_name(f"{key}{PRIVATE}{uuid.uuid4().hex[:12]}")
                lock = FileLock.attempt(_lock_of(folder))
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
            sync_tree(path) if path.is_dir() else sync_file(path)
            sync_folder(self.folder)
        except FileNotFoundError:
            raise StoreError(
                f"no item {item!r} in {self.folder}", "write it there before saving it"
            ) from None
        except OSError as error:
            raise self._error(error, item) from error
        marker = sealed({"item": item, "files": [asdict(output) for output in outputs]})
        if self._publishes:
            for output in outputs:
                source = path / output.name if output.name else path
                self._backend.upload(source, self._address(item, output.name))
            self._backend.write(f"{self._name}/{item}{MARKER}", marker)
        self._write_marker(item, marker)
        self._saved.add(item)

    def items(self) -> tuple[str, ...]:
        """Names of the complete items in :attr:`folder`, sorted; every byte is checked."""
        names = (path.name.removesuffix(MARKER) for path in self.folder.glob(f"*{MARKER}"))
        return tuple(sorted(name for name in names if self._is_complete(name)))

    def restore(self) -> tuple[str, ...]:
        """Brings complete items from the shared store into :attr:`folder` and clears torn ones away.

        Returns:
            The complete items, sorted by name.
        """
        kept = set(self.items())
        if not self._is_shared:
            names = [entry.name.removeprefix(f"{self._name}/") for entry in self._backend.entries(self._name)]
            markers = [name.removesuffix(MARKER) for name in names if name.endswith(MARKER)]
            kept |= {item for item in markers if "/" not in item and item not in kept and self._bring(item)}
        for path in list(self.folder.iterdir()):
            if path.name.removesuffix(MARKER) not in kept:
                _delete(path)
        self.restored = tuple(sorted(kept - self._saved))
        return tuple(sorted(kept))

    def remove(self, item: str) -> None:
        """Deletes an item here and in the shared store, marker first."""
        path = self._path(item)
        self._path(f"{item}{MARKER}").unlink(missing_ok=True)
        _delete(path)
        if self._publishes:
            self._backend.remove(f"{self._name}/{item}{MARKER}")
            self._backend.remove(f"{self._name}/{item}")
            self._backend.remove_tree(f"{self._name}/{item}")

    def prune(self) -> None:
        """Removes the items that whoever wrote them has deleted from :attr:`folder`, here and in the store."""
        for marker in list(self.folder.glob(f"*{MARKER}")):
            if not marker.with_name(marker.name.removesuffix(MARKER)).exists():
                self.remove(marker.name.removesuffix(MARKER))

    def clear(self) -> None:
        """Deletes everything, here and in the shared store: the stage is committed."""
        if self._publishes or self._is_shared:
            self._backend.remove_tree(self._name)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release(remove=True)

    def close(self) -> None:
        """Lets another process use the folder; the end of the process does the same."""
        self._lock.release()

    def _bring(self, item: str) -> bool:
        try:
            path = self._path(item)
            marker = self._backend.read(f"{self._name}/{item}{MARKER}")
            _delete(path)
            for output in _files(marker):
                target = path / output.name if output.name else path
                self._backend.download(self._address(item, output.name), target)
        except (FileNotFoundError, Damaged):
            return False
        self._write_marker(item, marker)
        return self._is_complete(item)

    def _write_marker(self, item: str, marker: bytes) -> None:
        path = self._path(f"{item}{MARKER}")
        try:
            with replacing(path) as draft:
                draft.write_bytes(marker)
        except OSError as error:
            raise self._error(error, item) from error

    def _is_complete(self, item: str) -> bool:
        path = self._path(item)
        try:
            files = _files(self._path(f"{item}{MARKER}").read_bytes())
            if [file.name for file in files] == [""]:
                return path.stat().st_size == files[0].size and sha256_file(path) == files[0].sha256
            return path.is_dir() and folder_problem(path, files, None) is None
        except (Damaged, FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        except OSError as error:
            raise self._error(error, item) from error

    def _path(self, item: str) -> Path:
        if not is_safe_file_name(item) or "/" in item:
            raise StoreError(f"scratch item {item!r} is not a plain name", "name one file or folder in it")
        return self.folder / item

    def _address(self, item: str, name: str) -> str:
        return f"{self._name}/{item}/{name}" if name else f"{self._name}/{item}"

    def _error(self, error: OSError, item: str) -> StoreError:
        return store_error(error, self._backend.url, (f"{self._name}/{item}",))


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


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
