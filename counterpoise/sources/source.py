"""What a source is: a file, folder, set or hub repository, and the pinned places it can be had from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from counterpoise.errors import SourceError

Kind = Literal["file", "folder", "set", "repository"]

FULL_SHA256 = 64
SHORTEST_SHA256 = 8
COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB = re.compile(r"hf://(?P<repository>[\w.-]+(?:/[\w.-]+)?)@(?P<revision>[\w.-]+)(?:/(?P<file>.+))?")
_JOINED = re.compile(r" \+ (?=[a-z]+:)")
_WHEEL = re.compile(r"wheel:(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!_-]+?)!(?P<member>.+)")


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that can be fetched.

    Attributes:
        name: its name in the registry.
        kind: ``file``; ``folder`` (a tree of files, hashed as a tree); ``set`` (several named sources
            laid out in one folder); ``repository`` (a model repository of the hub at one commit).
        uris: where it can be had, tried in order. See :func:`parse_uri` for the schemes.
        sha256: of the file, or :func:`counterpoise.sources.hashing.tree_sha256` of the folder or set; empty
            for a repository, whose commit pins it. Upstreams that publish only the first digits of the hash
            (Detoxify, in its file names) are checked against those digits.
        size: bytes, or None where upstream does not say; nothing longer is ever written.
        filename: name of the file or folder in the cache.
        members: names of the sources that make up a set.
        weights: of a repository, whether its weights are wanted, or the configuration and tokenizer alone.
        licence, citation: of the data, for reports and model cards.
        accept: the word with which a person accepts the licence; empty where nothing need be accepted.
        terms: name of the source that is the licence's text; only with ``accept``.
    """

    name: str
    kind: Kind
    uris: tuple[str, ...]
    sha256: str
    size: int | None
    filename: str
    licence: str
    citation: str
    members: tuple[str, ...] = ()
    weights: bool = True
    accept: str = ""
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    """``https://…`` (or ``http://…`` where the full hash is known): a file at a fixed address."""

    url: str


@dataclass(frozen=True, slots=True)
class Hub:
    """``hf://owner/name@commit/file``, or without a file the whole repository."""

    repository: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """``wheel:NAME==VERSION!member``: a file or folder inside a wheel of the package index."""

    name: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Local:
    """``file:PATH`` or ``file:///PATH``: a file or folder of this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class Packaged:
    """``package:MODULE/PATH``: a file that is installed with a Python package."""

    module: str
    path: str


@dataclass(frozen=True, slots=True)
class Parts:
    """``URI + URI + …``: a file cut in pieces, which are put together in this order."""

    places: tuple[Url | Hub | Wheel | Local | Packaged, ...]


Place = Url | Hub | Wheel | Local | Packaged | Parts


def parse_uri(uri: str) -> Place:
    """The place that a URI names, or the places that several joined by `` + `` name.

    Raises:
        SourceError: an unknown scheme, or a URI that does not pin what it names.
    """
    pieces = _JOINED.split(uri)
    return _place(uri) if len(pieces) == 1 else Parts(tuple(_place(piece) for piece in pieces))


def _place(uri: str) -> Url | Hub | Wheel | Local | Packaged:
    scheme = uri.partition(":")[0].lower()
    if scheme in ("https", "http"):
        return Url(uri)
    if scheme == "hf":
        return _hub(uri)
    if scheme == "wheel":
        return _wheel(uri)
    if scheme == "file":
        return Local(Path(unquote(urlsplit(uri).path)))
    if scheme == "package":
        module, _, path = uri.removeprefix("package:").partition("/")
        return Packaged(module, path)
    raise SourceError(
        f"{uri!r}: unknown scheme {scheme!r}",
        "use https://…, hf://owner/name@commit/file, wheel:NAME==VERSION!member, file:PATH "
        "or package:MODULE/PATH",
    )


def _hub(uri: str) -> Hub:
    match = _HUB.fullmatch(uri)
    if match is None or not COMMIT.fullmatch(match["revision"]):
        raise SourceError(
            f"{uri!r} does not name a commit",
            "write hf://owner/name@<40-digit commit>, as listed under “Files and versions” of the repository",
        )
    file = match["file"] or ""
    if file:
        safe_member(file)
    return Hub(match["repository"], match["revision"], file)


def _wheel(uri: str) -> Wheel:
    match = _WHEEL.fullmatch(uri)
    if match is None:
        raise SourceError(
            f"{uri!r} does not name one wheel and member", "write wheel:NAME==VERSION!path/in/wheel"
        )
    return Wheel(match["name"], match["version"], safe_member(match["member"]))


def safe_member(name: str) -> str:
    """An archive member's name, if it stays inside the folder it is unpacked into.

    Raises:
        SourceError: an absolute path, a ``..``, a backslash, a drive letter or a control character.
    """
    path = PurePosixPath(name)
    plain = not re.search(r"[\\\x00-\x1f]|^[A-Za-z]:", name)
    if not name or path.is_absolute() or ".." in path.parts or not plain:
        raise SourceError(
            f"member {name!r} would leave the folder it is unpacked into", "do not use this archive"
        )
    return name


def is_safe_filename(name: str) -> bool:
    """Whether ``name`` is one path component that can be made in the cache."""
    return bool(name) and name not in (".", "..") and not re.search(r"[/\\\x00-\x1f]", name)
