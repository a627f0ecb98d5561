"""Folders that a stage writes into before its artifact is committed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from artifacts.failures import disk_errno, store_error
from artifacts.folders import make_folder

_STALE_S = 3600.0
"""Age after which a file in the workspace without an owner's lock is litter, seconds."""


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
    name = f"draft-{stage}-{key[:12]}-{uuid.uuid4().hex[:12]}"
    try:
        make_folder(workspace)
        sweep(workspace)
        lock = _locked(workspace / f"{name}.lock")
        folder = workspace / name
        folder.mkdir()
    except OSError as error:
        raise store_error(error, url) from error
    try:
        yield Draft(stage, key, folder)
    except Exception as error:
        if disk_errno(error) is not None:
            raise store_error(error, url, (f"draft of {stage}",)) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            (workspace / f"{name}.lock").unlink()
        if lock is not None:
            os.close(lock)


def sweep(workspace: Path) -> None:
    """Removes what dead processes left in ``workspace``: unlocked drafts at once, other files when stale."""
    for lock in workspace.glob("draft-*.lock"):
        with contextlib.suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()
            finally:
                os.close(descriptor)
    for item in workspace.iterdir():
        is_draft = item.name.startswith("draft-")
        with contextlib.suppress(OSError):
            if not is_draft and time.time() - item.stat().st_mtime > _STALE_S:
                shutil.rmtree(item) if item.is_dir() else item.unlink()


def _locked(path: Path) -> int | None:
    """An open, locked descriptor of a new file; None where the file system has no locks."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():  # a sweep may have removed it between the two calls
                return descriptor
        except BlockingIOError:
            pass
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            return None
        os.close(descriptor)
