"""The cache key of a stage: every component that can change its result, and an explanation of changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.code_hash import code_hashes
from counterpoise.artifacts.layout import STORE_VERSION
from counterpoise.errors import StoreError
from counterpoise.extras import install_command
from counterpoise.files import sha256_file

if TYPE_CHECKING:
    pass

__all__ = [
    "Change",
    "KeyParts",
    "canonical_json",
    "code_hashes",
    "explain",
    "library_versions",
    "resource_hashes",
]


def canonical_json(value: Any) -> str:
    """The one JSON text of ``value``: sorted keys, no spaces, no NaN; equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class KeyParts:
    """Everything that a stage's result depends on, in clear.

    Attributes:
        stage: name of the stage, one path component.
        version: number raised by hand when a stage's meaning changes without its code.
        code: AST hash of each module the stage delegates to (:func:`code_hashes`).
        config: the typed configuration without its display-only fields (`counterpoise.settings.deciding`).
        inputs: *content* sha256 of each upstream artifact, by role.
        seed: the stage's seed, or None where nothing is random.
        libraries: versions of the installed packages that shape the result.
        resources: sha256 of packaged data files that the code reads, by name.
        schemas: version of each table schema read or written, by table name.
    """

    stage: str
    version: int
    code: Mapping[str, str]
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    seed: int | None
    libraries: Mapping[str, str]
    resources: Mapping[str, str]
    schemas: Mapping[str, int]

    @cached_property
    def key(self) -> str:
        """sha256 (64 hex digits) of the canonical JSON of all parts and of the store's schema version."""
        try:
            text = canonical_json({"store": STORE_VERSION, **self.to_json()})
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"the key of stage {self.stage!r} holds a value that JSON cannot: {error}",
                "pass strings, finite numbers, booleans, lists and mappings",
            ) from None
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The parts as a JSON-able mapping; :meth:`from_json` gives back parts of the same key."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> KeyParts:
        """Parts from :meth:`to_json`'s mapping.

        Raises:
            StoreError: a part is missing or unknown.
        """
        names = [field.name for field in fields(cls)]
        if sorted(value) != sorted(names):
            raise StoreError(
                f"key parts have the names {sorted(value)}, expected {sorted(names)}",
                "recompute the artifact with this version",
            )
        return cls(**{name: value[name] for name in names})


def _plain(value: Any) -> Any:
    """Mappings and sequences as the dicts and lists that JSON gives back."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Installed version of each distribution in ``names``.

    Raises:
        StoreError: one of them is not installed.
    """
    from importlib import metadata  # noqa: PLC0415 (slow to import; only computing a key needs it)

    try:
        return {name: _version(name) for name in names}
    except metadata.PackageNotFoundError as error:
        raise StoreError(
            f"the package {error.name!r} shapes a result but is not installed",
            install_command("counterpoise"),
        ) from None


@cache
def _version(name: str) -> str:
    from importlib import metadata  # noqa: PLC0415

    return metadata.version(name)


def resource_hashes(root: Path, names: Sequence[str]) -> dict[str, str]:
    """sha256 of each data file ``root/name``.

    Raises:
        StoreError: one of them cannot be read.
    """
    try:
        return {name: sha256_file(root / name) for name in names}
    except OSError as error:
        raise StoreError(
            f"the data file {error.filename} cannot be read: {error.strerror}", "reinstall the package"
        ) from None


@dataclass(frozen=True, slots=True)
class Change:
    """One key component that differs.

    Attributes:
        component: the field of :class:`KeyParts` it belongs to.
        name: which entry of it (a module, a dotted config path, an input's role); empty for plain values.
        before, after: the two values; None where the entry does not exist.
    """

    component: str
    name: str
    before: Any
    after: Any


def explain(old: KeyParts, new: KeyParts) -> tuple[Change, ...]:
    """The components in which two keys differ, in the order of :class:`KeyParts`; empty for equal keys."""
    return tuple(
        change
        for field in fields(KeyParts)
        for change in _changes(field.name, getattr(old, field.name), getattr(new, field.name))
    )


def _changes(component: str, old: Any, new: Any) -> Iterator[Change]:
    before, after = dict(_leaves("", _plain(old))), dict(_leaves("", _plain(new)))
    for name in [*before, *(name for name in after if name not in before)]:
        left, right = before.get(name), after.get(name)
        if name not in before or name not in after or canonical_json(left) != canonical_json(right):
            yield Change(component, name, left, right)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The plain values inside nested mappings, by dotted path; a list is one value."""
    if not isinstance(value, dict) or (path and not value):
        yield path, value
        return
    for name, item in value.items():
        yield from _leaves(f"{path}.{name}" if path else name, item)
