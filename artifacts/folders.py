"""Local files: atomic durable writes, and folders compared with what they should hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from counterpoise.artifacts.hashing import HashMemo
from counterpoise.artifacts.layout import is_safe_file_name
from counterpoise.artifacts.manifest import Output
from counterpoise.errors import StoreError
from counterpoise.files import listing_sha256, replacing, sha256_file, sync_folder


def write_atomic(path: Path, data: bytes, tmp: Path, durable: bool = True) -> None:
    """Replaces ``path`` with ``data``: written beside the target's file system in ``tmp``, then renamed."""
    make_folder(tmp)
    make_folder(path.parent)
    with replacing(path, durable=durable, drafts=tmp) as draft:
        draft.write_bytes(data)


def make_folder(folder: Path) -> None:
    """Creates ``folder`` and its parents, each durably named in its own parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        sync_folder(new.parent)


def walk_files(folder: Path) -> Iterator[str]:
    """Relative POSIX names of everything under ``folder`` that is not a folder."""
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        for name in [*files, *links]:
            yield Path(root, name).relative_to(folder).as_posix()


def describe(folder: Path) -> tuple[Output, ...]:
    """The files under ``folder`` with size and sha256, sorted by name.

    Raises:
        StoreError: there are none, or one is not a plain file with a safe name.
    """
    names = sorted(walk_files(folder))
    if not names:
        raise StoreError("an artifact with no files was committed", "write its files into the draft's folder")
    return tuple(_described(folder, name) for name in names)


def _described(folder: Path, name: str) -> Output:
    path = folder / name
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or not is_safe_file_name(name):
        raise StoreError(
            f"{name!r} in an artifact's folder is not a plain file with a printable relative name",
            "write ordinary files, no links or devices",
        )
    return Output(name, status.st_size, sha256_file(path))


def folder_problem(folder: Path, outputs: Sequence[Output], memo: HashMemo | None) -> str | None:
    """Why ``folder`` is not exactly ``outputs``; None when it is.

    Args:
        memo: spares reading large files that have not changed since they were verified; None reads all.
    """
    for output in outputs:
        path = folder / output.name
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return f"{output.name} is missing"
        if not stat.S_ISREG(status.st_mode):
            return f"{output.name} is not a plain file"
        if status.st_size != output.size:
            return f"{output.name} has {status.st_size} bytes, expected {output.size}"
        digest = memo.sha256(path, output.sha256) if memo else sha256_file(path)
        if digest != output.sha256:
            return f"{output.name} does not have its sha256 ({output.sha256[:12]}…)"
    strays = set(walk_files(folder)) - {output.name for output in outputs}
    return f"{min(strays)} does not belong there" if strays else None


def content_problem(folder: Path, files: Sequence[str], sha256: str, memo: HashMemo) -> str | None:
    """Why ``folder`` does not hold exactly ``files`` with content hash ``sha256``; None when it does."""
    if not folder.is_dir():
        return "is missing"
    names = sorted(walk_files(folder))
    if names != sorted(files):
        different = sorted(set(names) ^ set(files))
        return f"{different[0]} is {'unexpected' if different[0] in names else 'missing'}"
    if any((folder / name).is_symlink() for name in names):
        return "holds a link"
    digest = listing_sha256((name, memo.sha256(folder / name)) for name in names)
    if digest == sha256:
        return None
    # A memoised hash may itself be damaged: it never condemns a file by itself.
    digest = listing_sha256((name, sha256_file(folder / name)) for name in names)
    return None if digest == sha256 else f"does not have the content hash {sha256[:12]}…"
