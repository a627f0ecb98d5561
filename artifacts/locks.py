"""File locks that end with their process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusively locked file; make one with :meth:`attempt`.

    Attributes:
        works: false on a file system without locks, where nobody is kept out.
    """

    def __init__(self, path: Path, descriptor: int, works: bool) -> None:
        self._path, self._descriptor = path, descriptor
        self.works = works

    @classmethod
    def attempt(cls, path: Path) -> FileLock | None:
        """The lock on ``path`` (created if need be), or None while a live process holds it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except OSError:
                return cls(path, descriptor, works=False)
            if _is_at(descriptor, path):
                return cls(path, descriptor, works=True)
            os.close(descriptor)  # its last holder removed the file between the two calls

    def release(self, remove: bool = False) -> None:
        """Lets others have it; ``remove`` deletes the file first, while it is still ours."""
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
