"""Folders that a stage writes into before its artifact is committed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterpoise.artifacts.failures import disk_errno, store_error
from counterpoise.artifacts.workspace import own_folder


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

    Raises:
        StoreError: also in place of a full disk's error raised inside the block.
    """
    with own_folder(workspace, url, f"draft-{stage}-{key[:12]}-") as folder:
        try:
            yield Draft(stage, key, folder)
        except Exception as error:
            if disk_errno(error) is not None:
                raise store_error(error, url, (f"draft of {stage}",)) from error
            raise
