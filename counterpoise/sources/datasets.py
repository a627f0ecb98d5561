"""A setting that names a source, a hub repository at a commit, or a user's own file or folder."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import DataError, SourceError
from counterpoise.records import Progress, silent
from counterpoise.sources.cache import cached, default_cache
from counterpoise.sources.fetch import fetch
from counterpoise.sources.hashing import path_sha256
from counterpoise.sources.hub import fetch_repository
from counterpoise.sources.licences import require_accepted
from counterpoise.sources.registry import get_source, hint_for, registry
from counterpoise.sources.source import Hub, parse_uri


def is_path(text: str) -> bool:
    """Whether it is a path of this machine; the registry's names come first."""
    if text in registry() or "://" in text:
        return False
    return Path(text).expanduser().exists() or any(mark in text for mark in "/\\.")


def locate(text: str, cache: Path | None = None, *, progress: Progress = silent) -> Path:
    """The local file or folder: a user's own as it is, anything else from the cache or its mirrors.

    Args:
        text: a name of the registry, ``hf://owner/name@commit``, or a path.

    Raises:
        DataError: no file at that path.
        SourceError: no such name, or no mirror gave it.
        UnreachableError: no mirror gave it, and one may later.
    """
    cache = cache or default_cache()
    if is_path(text):
        return _own(text)
    if "://" in text:
        place = _repository(text)
        return fetch_repository(place.repository, place.revision, cache, progress=progress)
    return fetch(get_source(text), cache, progress=progress)


def require_licence(text: str, cache: Path | None = None) -> str:
    """The licence of a source that must be accepted, and was; empty for any other source, path or repository.

    Raises:
        LicenceError: it was not accepted. Also for a model that was converted long ago.
    """
    source = registry().get(text)
    if source is None or not source.accept:
        return ""
    require_accepted(source, lambda terms: fetch(get_source(terms), cache or default_cache()))
    return source.licence


def own_or_known(text: str) -> Path | None:
    """A user's own file or folder; None where it is a known source's name or a pinned address.

    Raises:
        DataError: no file at that path.
        SourceError: no such name, or no pinned address.
    """
    if is_path(text):
        return _own(text)
    if "://" in text:
        _repository(text)
    else:
        get_source(text)
    return None


def at_hand(text: str, cache: Path | None = None) -> Path | None:
    """What :func:`locate` would give without fetching anything; None where it would have to.

    Raises:
        DataError, SourceError: as :func:`own_or_known`.
    """
    own = own_or_known(text)
    return own if own or "://" in text else cached(get_source(text), cache or default_cache())


def source_hash(text: str) -> str:
    """What pins the content that :func:`locate` gives, without fetching it: a sha256, or a hub address."""
    if is_path(text):
        return path_sha256(_own(text))
    if "://" in text:
        place = _repository(text)
        return f"hf://{place.repository}@{place.revision}"
    source = get_source(text)
    return source.sha256 or source.uris[0]


def _repository(uri: str) -> Hub:
    place = parse_uri(uri)
    if isinstance(place, Hub) and not place.file:
        return place
    raise SourceError(
        f"{uri!r} has no pinned hash",
        "name it in a COUNTERPOISE_SOURCES file with its sha256, or give hf://owner/name@commit, a registry "
        "name or a path",
    )


def _own(path: str) -> Path:
    own = Path(path).expanduser()
    if not own.exists():
        raise DataError(f"no file {path!r}", hint_for(path, registry()))
    return own
