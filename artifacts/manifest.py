"""What the store says about one computed artifact: the manifest, and the small references to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.keys import KeyParts, canonical_json
from counterpoise.artifacts.layout import STORE_VERSION, is_safe_file_name
from counterpoise.errors import StoreError
from counterpoise.files import listing_sha256


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a committed artifact, small enough to pass between stages as JSON.

    Attributes:
        stage: name of the stage that made it.
        label: what people read, e.g. ``scores · tuned``.
        key: cache key, 64 hex digits.
        sha256: hash of the content alone (:func:`counterpoise.files.listing_sha256`), 64 hex digits.
        rows: rows of its table, or None for a folder.
        files: its file names, sorted, relative POSIX.
    """

    stage: str
    label: str
    key: str
    sha256: str
    rows: int | None
    files: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The reference as a JSON-able mapping."""
        return {**asdict(self), "files": list(self.files)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ref:
        """A reference from :meth:`to_json`'s mapping.

        Raises:
            StoreError: it is not one.
        """
        try:
            rows = None if value["rows"] is None else int(value["rows"])
            texts = {name: str(value[name]) for name in ("stage", "label", "key", "sha256")}
            return cls(**texts, rows=rows, files=tuple(str(name) for name in value["files"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"not an artifact reference: {error!r}", "recompute the run") from None


@dataclass(frozen=True, slots=True)
class Miss:
    """Why there is no usable artifact under a key.

    Attributes:
        reason: one line for a person.
        damaged: whether something was there and had to be put into quarantine.
    """

    reason: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One file of an artifact.

    Attributes:
        name: relative POSIX path inside the artifact's folder.
        size: bytes.
        sha256: of its bytes.
        tag: what a remote store called this version of it (an S3 ETag), or None.
    """

    name: str
    size: int
    sha256: str
    tag: str | None = None


@dataclass(frozen=True)
class Manifest:
    """One committed artifact, with every component of its key in clear.

    Attributes:
        parts: the key's components.
        label, rows: as in :class:`Ref`.
        outputs: its files, sorted by name.
        parents: the artifacts it was computed from.
        facts: circumstances outside the content: git commit, package versions, hardware, timings.
        committed_at: when it was committed, ISO 8601 in UTC.
        store_version: version of the store that wrote it.
    """

    parts: KeyParts
    label: str
    rows: int | None
    outputs: tuple[Output, ...]
    parents: tuple[Ref, ...]
    facts: Mapping[str, Any]
    committed_at: str
    store_version: int = field(default=STORE_VERSION)

    @property
    def stage(self) -> str:
        """Name of the stage."""
        return self.parts.stage

    @property
    def key(self) -> str:
        """The cache key."""
        return self.parts.key

    @cached_property
    def sha256(self) -> str:
        """Content hash of the outputs."""
        return listing_sha256((output.name, output.sha256) for output in self.outputs)

    @property
    def ref(self) -> Ref:
        """The reference that stages exchange."""
        files = tuple(output.name for output in self.outputs)
        return Ref(self.stage, self.label, self.key, self.sha256, self.rows, files)

    def to_bytes(self) -> bytes:
        """The manifest as indented JSON, sealed with a hash of its own content."""
        body = {
            "store_version": self.store_version,
            "stage": self.stage,
            "key": self.key,
            "label": self.label,
            "sha256": self.sha256,
            "rows": self.rows,
            "outputs": [asdict(output) for output in self.outputs],
            "parents": [parent.to_json() for parent in self.parents],
            "parts": self.parts.to_json(),
            "facts": dict(self.facts),
            "committed_at": self.committed_at,
        }
        return sealed(body)


def sealed(body: Mapping[str, Any]) -> bytes:
    """``body`` as indented JSON with a ``seal``: the sha256 of its canonical form.

    Raises:
        StoreError: ``body`` holds a value that JSON cannot.
    """
    try:
        body = json.loads(canonical_json(body))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"a record for the store holds a value that JSON cannot: {error}",
            "pass strings, finite numbers, booleans, lists and mappings",
        ) from None
    seal = hashlib.sha256(canonical_json(body).encode()).hexdigest()
    return (json.dumps({**body, "seal": seal}, indent=1, ensure_ascii=False) + "\n").encode()


def unsealed(data: bytes) -> dict[str, Any]:
    """The body that :func:`sealed` wrote.

    Raises:
        Damaged: the bytes are not JSON, or do not have the hash they were sealed with.
    """
    try:
        body = json.loads(data)
    except ValueError:
        raise Damaged("is not JSON" if data else "is empty") from None
    if not isinstance(body, dict):
        raise Damaged("is not a JSON object")
    seal = body.pop("seal", None)
    if seal != hashlib.sha256(canonical_json(body).encode()).hexdigest():
        raise Damaged("does not have the hash it was sealed with")
    return body


def parse_manifest(data: bytes, stage: str, key: str) -> Manifest:
    """The manifest in ``data``, which was found under ``stage`` and ``key``.

    Raises:
        Damaged: it is torn, altered, or another artifact's manifest.
        StoreError: a newer version of the store wrote it.
    """
    body = unsealed(data)
    version = body.get("store_version")
    if isinstance(version, int) and version > STORE_VERSION:
        raise StoreError(
            f"the manifest of {stage} {key[:12]} has version {version}, this program reads {STORE_VERSION}",
            "use a newer version of this program, or another store",
        )
    try:
        manifest = _manifest(body)
    except (KeyError, TypeError, ValueError, StoreError) as error:
        raise Damaged(f"does not have a manifest's fields ({error})") from None
    if (manifest.stage, manifest.key) != (stage, key):
        raise Damaged(f"belongs to {manifest.stage} {manifest.key[:12]}")
    if body["sha256"] != manifest.sha256:
        raise Damaged("names a content hash that its files do not have")
    return manifest


def _manifest(body: Mapping[str, Any]) -> Manifest:
    outputs = tuple(Output(**output) for output in body["outputs"])
    if not all(is_safe_file_name(output.name) for output in outputs):
        raise ValueError("a file name leaves its folder")
    return Manifest(
        parts=KeyParts.from_json(body["parts"]),
        label=body["label"],
        rows=body["rows"],
        outputs=outputs,
        parents=tuple(Ref.from_json(parent) for parent in body["parents"]),
        facts=body["facts"],
        committed_at=body["committed_at"],
        store_version=body["store_version"],
    )
