"""Folders in a store's workspace: each is its process's own while that lives, and litter afterwards."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from counterpoise.artifacts.failures import store_error
from counterpoise.artifacts.folders import make_folder
from counterpoise.artifacts.locks import FileLock

OWNED = ("draft-", "fetch-", "check-")
"""How the names of folders begin that :func:`own_folder` makes: their age says nothing, because a folder's time does
not move while a file in it grows."""
_STALE_S = 3600.0
"""Age after which anything else in the workspace is litter of a killed process, seconds."""


@contextlib.contextmanager
def own_folder(workspace: Path, url: str, name: str) -> Iterator[Path]:
    """A new folder in ``workspace`` for this process alone, removed when the block ends.

    A file lock says that its owner lives and ends with the process: what killed ones left is removed first.

    Args:
        url: the store's address, for errors.
        name: how its name begins; one of :data:`OWNED`, and more.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        make_folder(workspace)
        _sweep(workspace)
        folder, lock = _locked_folder(workspace, name)
    except OSError as error:
        raise store_error(error, url) from error
    if not lock.works:
        lock.release(remove=True)  # else a sweep would take us for dead
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release(remove=True)


def _locked_folder(workspace: Path, name: str) -> tuple[Path, FileLock]:
    while True:
        folder = workspace / f"{name}{uuid.uuid4().hex[:12]}"
        lock = FileLock.attempt(folder.with_name(f"{folder.name}.lock"))
        if lock is None:
            continue  # another process's sweep is just looking at it
        try:
            folder.mkdir()
        except OSError:
            lock.release(remove=True)
            raise
        return folder, lock


def _sweep(workspace: Path) -> None:
    """Removes what dead processes left: unlocked folders at once, other files when stale."""
    for item in list(workspace.iterdir()):
        with contextlib.suppress(OSError):
            if not item.name.startswith(OWNED):
                _remove_if_stale(item)
            elif item.suffix == ".lock":
                _remove_if_free(item)


def _remove_if_free(path: Path) -> None:
    lock = FileLock.attempt(path)
    if lock is not None and lock.works:
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        lock.release(remove=True)
    elif lock is not None:
        lock.release()


def _remove_if_stale(item: Path) -> None:
    if time.time() - item.stat().st_mtime > _STALE_S:
        shutil.rmtree(item) if item.is_dir() else item.unlink()
