"""Takes one member, or one folder, out of a zip archive that nobody vouches for."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoise.errors import SourceError
from counterpoise.files import sync_file
from counterpoise.records import Progress
from counterpoise.sources.failure import MirrorFailed
from counterpoise.sources.source import safe_member

CHUNK = 1 << 20
MOST_ENTRIES = 10_000
LARGEST_FOLDER = 2 << 30
"""Bytes that the members of a folder of unknown size may have together."""


def extract_file(archive: Path, member: str, target: Path, *, size: int | None, progress: Progress) -> None:
    """Writes ``member`` to the file ``target``.

    Args:
        size: its pinned size in bytes; a larger member is refused before it is unpacked.

    Raises:
        MirrorFailed: no such member, a link, a bomb, an unreadable archive.
    """
    with _opened(archive) as zipped:
        found = [info for info in zipped.infolist() if info.filename == member]
        if len(found) != 1:
            raise MirrorFailed(f"{archive.name} has {len(found) or 'no'} members named {member!r}")
        limit = LARGEST_FOLDER if size is None else size
        _check(found[0], limit)
        _write(zipped, found[0], target, limit, progress)


def extract_folder(archive: Path, prefix: str, target: Path, *, size: int | None, progress: Progress) -> None:
    """Writes every file below ``prefix`` into the folder ``target``, which must not exist yet."""
    prefix = prefix.rstrip("/") + "/"
    with _opened(archive) as zipped:
        found = [i for i in zipped.infolist() if i.filename.startswith(prefix) and not i.is_dir()]
        total = sum(info.file_size for info in found)
        limit = LARGEST_FOLDER if size is None else size
        if not found:
            raise MirrorFailed(f"{archive.name} has no folder {prefix!r}")
        if len(found) > MOST_ENTRIES or total > limit:
            raise MirrorFailed(
                f"{prefix!r} unpacks to {len(found):,} files, {total:,} bytes; allowed: {limit:,} bytes"
            )
        done = 0
        for info in found:
            _check(info, limit)
            inside = safe_member(info.filename[len(prefix) :])
            _write(zipped, info, target / inside, info.file_size, lambda *_: None)
            done += info.file_size
            progress(done, total)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as zipped:
            yield zipped
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise MirrorFailed(f"{archive.name} is not a readable archive: {error}") from None
    except SourceError as error:
        raise MirrorFailed(f"{archive.name}: {error.message}") from None


def _check(info: zipfile.ZipInfo, limit: int) -> None:
    mode = info.external_attr >> 16
    safe_member(info.filename)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise MirrorFailed(f"member {info.filename!r} is a link or device, not a file")
    if info.file_size > limit:
        raise MirrorFailed(
            f"member {info.filename!r} unpacks to {info.file_size:,} bytes, expected {limit:,}"
        )


def _write(
    zipped: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, limit: int, progress: Progress
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    # Counted while unpacking too: the size in the archive's directory is only a claim.
    with zipped.open(info) as packed, target.open("xb") as file:
        while chunk := packed.read(CHUNK):
            done += len(chunk)
            if done > limit:
                raise MirrorFailed(
                    f"member {info.filename!r} unpacks to more than the {limit:,} bytes it claims"
                )
            file.write(chunk)
            progress(done, info.file_size)
    sync_file(target)
