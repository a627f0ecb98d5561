"""A setting that is either the name of a source or the path of a user's own file."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import SourceError
from counterpoise.records import Progress, silent
from counterpoise.sources.cache import default_cache
from counterpoise.sources.fetch import fetch
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.registry import get_source, registry


def is_path(name_or_path: str) -> bool:
    """Whether it is a path; the registry's names come first."""
    return name_or_path not in registry() and (
        Path(name_or_path).expanduser().exists() or any(mark in name_or_path for mark in "/\\.")
    )


def locate(name_or_path: str, cache: Path | None = None, *, progress: Progress = silent) -> Path:
    """The local file or folder: a user's own as it is, a named source from the cache or its mirrors.

    Raises:
        SourceError: no such name or path, or no mirror gave it.
    """
    if is_path(name_or_path):
        return _own(name_or_path)
    return fetch(get_source(name_or_path), cache or default_cache(), progress=progress)


def source_hash(name_or_path: str) -> str:
    """SHA-256 of what :func:`locate` gives, without fetching it; for a repository its pinned address."""
    if is_path(name_or_path):
        return path_sha256(_own(name_or_path))
    source = get_source(name_or_path)
    return source.sha256 or source.uris[0]


def _own(path: str) -> Path:
    own = Path(path).expanduser()
    if not own.exists():
        raise SourceError(f"no file {path!r}", f"give an existing path, or one of: {', '.join(registry())}")
    return own
