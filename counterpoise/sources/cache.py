"""Where fetched things are kept: ``<cache>/<sha256>/<filename>``, complete or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterpoise.errors import SourceError
from counterpoise.sources.hashing import verified_sha256
from counterpoise.sources.source import Source

VARIABLE = "COUNTERPOISE_CACHE"


def default_cache() -> Path:
    """``COUNTERPOISE_CACHE``, else ``counterpoise`` in the user's cache folder (XDG base directories).

    Raises:
        SourceError: neither is set and the user has no home, as in some containers.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "counterpoise"
    except RuntimeError:
        raise SourceError(
            "this user has no home folder to keep fetched data in", f"set {VARIABLE} to a folder"
        ) from None


def place_of(source: Source, cache: Path) -> Path:
    """Where ``source`` is, or will be, in the cache."""
    return cache / source.sha256 / source.filename


def cached(source: Source, cache: Path) -> Path | None:
    """``source`` in the cache if it is there with its pinned hash; what is damaged counts as missing.

    Raises:
        SourceError: the cache cannot be read.
    """
    path = place_of(source, cache)
    with disk_errors_told(cache):
        try:
            return path if verified_sha256(path).startswith(source.sha256) else None
        except (FileNotFoundError, NotADirectoryError):
            return None


def remove(path: Path) -> None:
    """Deletes a file or folder that may be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_errors_told(cache: Path) -> Iterator[None]:
    """Turns a full or read-only disk into one line: no mirror is to blame for it.

    Raises:
        SourceError: for every OSError inside.
    """
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"cache {cache}: {error.strerror or error}",
            f"free some space, or set {VARIABLE} to a folder that can be written",
        ) from None


@contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Only one process or thread at a time for one ``name``; the lock dies with its holder."""
    from filelock import FileLock  # noqa: PLC0415 - kept out of the import of every command

    folder = cache / "locks"
    with disk_errors_told(cache):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
