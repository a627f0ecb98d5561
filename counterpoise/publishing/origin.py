"""What is known of a base model from its source: its hub repository and its licence."""

from __future__ import annotations

from counterpoise.errors import SourceError
from counterpoise.sources.registry import get_source
from counterpoise.sources.source import Hub, parse_uri


def base_place(source: str) -> Hub | None:
    """The hub repository that the base model comes from, with the file in it where it is one file (a GGUF).

    >>> base_place("opt-1.3b").repository, base_place("tiny")
    ('facebook/opt-1.3b', None)
    """
    places = (parse_uri(uri) for uri in _uris(source))
    return next((place for place in places if isinstance(place, Hub)), None)


def base_licence(source: str) -> str:
    """The licence that the registry names; empty where it doesn't."""
    try:
        return get_source(source).licence or ""
    except SourceError:
        return ""


def _uris(source: str) -> tuple[str, ...]:
    if source.startswith("hf://"):
        return (source,)
    try:
        return tuple(get_source(source).uris)
    except SourceError:
        return ()
