"""Folders that a stage writes into before its artifact is committed."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from artifacts.failures import disk_errno, store_error
from artifacts.folders import make_folder
from artifacts.locks import FileLock

_STALE_S = 3600.0
"""Age after which other files in the workspace are litter of a killed process, seconds."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An artifact being written.

    Attributes:
        stage, key: what it will be.
        folder: where to write its files; only what stands there is committed.
    """

    stage: str
    key: str
    folder: Path


@contextlib.contextmanager
def open_draft(workspace: Path, url: str, stage: str, key: str) -> Iterator[Draft]:
    """A new draft in ``workspace``, removed when the block ends (a commit has moved its folder away by then).

    Its owner is known by a file lock, which ends with the process: what a killed one left is removed
    by the next draft.

    Raises:
        StoreError: also in place of a full disk's error raised inside the block.
    """
    folder = workspace / f"draft-{stage}-{key[:12]}-{uuid.uuid4().hex[:12]}"
    try:
        make_folder(workspace)
        sweep(workspace)
        lock = FileLock.attempt(_lock_of(folder))
        folder.mkdir()
    except OSError as error:
        raise store_error(error, url) from error
    if lock is not None and not lock.works:
        lock.release(remove=True)  # else the next draft would take us for dead
    try:
        yield Draft(stage, key, folder)
    except Exception as error:
        if disk_errno(error) is not None:
            raise store_error(error, url, (f"draft of {stage}",)) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            lock.release(remove=True)


def sweep(workspace: Path) -> None:
    """Removes what dead processes left in ``workspace``: unlocked drafts at once, other files when stale."""
    for path in workspace.glob("draft-*.lock"):
        with contextlib.suppress(OSError):
            lock = FileLock.attempt(path)
            if lock is not None and lock.works:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                lock.release(remove=True)
            elif lock is not None:
                lock.release()
    for item in workspace.iterdir():
        with contextlib.suppress(OSError):
            is_stale = time.time() - item.stat().st_mtime > _STALE_S
            if is_stale and not item.name.startswith("draft-"):
                shutil.rmtree(item) if item.is_dir() else item.unlink()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
