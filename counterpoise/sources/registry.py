"""The named sources: the registry that comes with the package, and the user's own additions to it."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path

from pydantic import Field

from counterpoise.errors import SourceError, UsageError
from counterpoise.files import listing_sha256
from counterpoise.settings import Settings
from counterpoise.sources.source import (
    FULL_SHA256,
    SHORTEST_SHA256,
    Kind,
    Source,
    Url,
    is_safe_filename,
    parse_uri,
)
from counterpoise.toml import read_toml
from counterpoise.validation import validated

VARIABLE = "COUNTERPOISE_SOURCES"


class Entry(Settings):
    """One table of a registry file."""

    kind: Kind = Field("file", description="file, folder, set or repository.")
    uris: tuple[str, ...] = Field((), description="Places it can be had from, tried in order.")
    sha256: str = Field("", pattern=r"^[0-9a-f]*$", description="Of the file, or of the folder's listing.")
    size: int | None = Field(None, ge=0, description="Bytes, where upstream says.")
    filename: str = Field("", description="Name in the cache; default: the source's name.")
    members: tuple[str, ...] = Field((), description="Of a set: the names of its sources.")
    weights: bool = Field(True, description="Of a repository: False for configuration and tokenizer alone.")
    licence: str = Field("", description="Licence of the data.")
    citation: str = Field("", description="Who made it.")
    accept: str = Field(
        "", pattern=r"^[a-z0-9-]*$", description="Word with which its licence is accepted, if it must be."
    )
    terms: str = Field("", description="Of a licence that must be accepted: the source that is its text.")


def get_source(name: str) -> Source:
    """The source of that name.

    Raises:
        SourceError: no such name; says the nearest one.
    """
    known = registry()
    if name in known:
        return known[name]
    raise SourceError(f"no source is named {name!r}", hint_for(name, known))


def hint_for(name: str, known: Iterable[str]) -> str:
    """The nearest known name, or all of them."""
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"give an existing path, hf://owner/name@commit, or one of {', '.join(names)}"


def registry() -> Mapping[str, Source]:
    """Every source by name, with what the file named by ``COUNTERPOISE_SOURCES`` adds.

    For a known name that file may give ``uris`` alone: they are tried before the built-in ones, against
    the same hash. A new name needs a whole entry.
    """
    return _registry(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=4)
def _registry(extra: str) -> Mapping[str, Source]:
    built_in = resources.files("counterpoise.sources").joinpath("registry.toml").read_text(encoding="utf-8")
    entries = {
        name: validated(Entry, values, f"registry.toml [{name}]")
        for name, values in tomllib.loads(built_in).items()
    }
    if extra:
        entries |= _extended(entries, Path(extra))
    sources = {name: _source(name, entry) for name, entry in entries.items() if entry.kind != "set"}
    sets = {name: _set(name, entry, sources) for name, entry in entries.items() if entry.kind == "set"}
    return sources | sets


def _extended(entries: Mapping[str, Entry], path: Path) -> dict[str, Entry]:
    try:
        tables = read_toml(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{VARIABLE}={path}: {error}", "the file must be readable UTF-8 TOML") from None
    added = {}
    for name, values in tables.items():
        entry = validated(Entry, values if isinstance(values, dict) else {name: values}, f"{path} [{name}]")
        known = entries.get(name)
        if known is not None and set(values) <= {"uris"}:
            entry = known.model_copy(update={"uris": entry.uris + known.uris})
        added[name] = entry
    return added


def _source(name: str, entry: Entry) -> Source:
    filename = entry.filename or name
    places = [parse_uri(uri) for uri in entry.uris]
    if not is_safe_filename(filename):
        raise UsageError(
            f"source {name!r}: filename {filename!r} is not one path component", "give a plain name"
        )
    if entry.kind != "repository" and not SHORTEST_SHA256 <= len(entry.sha256) <= FULL_SHA256:
        raise UsageError(f"source {name!r} has no sha256", "give the hash of the file or folder listing")
    plain = [place.url for place in places if isinstance(place, Url) and place.url.startswith("http:")]
    if plain and len(entry.sha256) < FULL_SHA256:
        raise UsageError(
            f"source {name!r}: {plain[0]} is not encrypted", "use https, or give all 64 digits of sha256"
        )
    return Source(
        name=name,
        kind=entry.kind,
        uris=entry.uris,
        sha256=entry.sha256,
        size=entry.size,
        filename=filename,
        licence=entry.licence,
        citation=entry.citation,
        weights=entry.weights,
        accept=entry.accept,
        terms=entry.terms,
    )


def _set(name: str, entry: Entry, sources: Mapping[str, Source]) -> Source:
    missing = [member for member in entry.members if member not in sources]
    if missing or not entry.members:
        raise UsageError(
            f"source set {name!r} has no source {missing[:1]}", "name existing sources as members"
        )
    members = [sources[member] for member in entry.members]
    sizes = [member.size for member in members]
    return Source(
        name=name,
        kind="set",
        uris=(),
        sha256=listing_sha256((member.filename, member.sha256) for member in members),
        size=None if None in sizes else sum(size or 0 for size in sizes),
        filename=entry.filename or name,
        licence=entry.licence or members[0].licence,
        citation=entry.citation or members[0].citation,
        members=entry.members,
    )
