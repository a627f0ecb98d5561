"""Bytes on disk: their sha256, their way there, and files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256_file(path: Path) -> str:
    """sha256 (hex) of a file, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing_sha256(files: Iterable[tuple[str, str]]) -> str:
    """sha256 of the lines ``<sha256>  <name>``, sorted by name, as ``sha256sum`` prints them.

    The same as ``find . -type f | sort | xargs sha256sum | sha256sum`` with plain names under ``LC_ALL=C``
    and without the leading ``./``.

    Args:
        files: name (relative, POSIX) and sha256 of each file.
    """
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


@contextmanager
def replacing(path: Path, *, durable: bool = True, drafts: Path | None = None) -> Iterator[Path]:
    """A draft to write, which becomes ``path`` when the block ends well; after a kill either is whole or not there.

    Args:
        durable: the bytes are on disk before the name is, and the name when this returns.
        drafts: a folder of the same file system for the draft; otherwise it stands, hidden, beside ``path``.
    """
    name = uuid.uuid4().hex
    draft = drafts / f"write-{name}" if drafts else path.with_name(f".{path.name}.{name[:8]}")
    try:
        yield draft
        if durable:
            sync_file(draft)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # what failed matters, not that its draft is still there
            draft.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Makes the bytes of ``path`` durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the names inside ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Makes every file and name under ``folder`` durable."""
    for root, _, files in os.walk(folder):
        for name in files:
            sync_file(Path(root, name))
        sync_folder(Path(root))
