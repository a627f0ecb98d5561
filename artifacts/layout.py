"""Where things stand inside a store, and which names are safe to build addresses from."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from counterpoise.artifacts.damage import Damaged
from counterpoise.errors import StoreError

STORE_VERSION = 1
"""Version of the folder layout and of the manifests; part of every key."""

FORMAT = "format.json"
_NAME = "counterpoise-store"
OBJECTS, MANIFESTS, RUNS, SCRATCH = "objects", "manifests", "runs", "scratch"
LEASES, QUARANTINE, TMP = "leases", "quarantine", "tmp"
VOTES = "votes"
FOLDERS = (OBJECTS, MANIFESTS, RUNS, SCRATCH, LEASES, QUARANTINE, TMP, VOTES)

_KEY = re.compile(r"[0-9a-f]{64}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def checked_key(key: str) -> str:
    """``key`` itself when it is 64 lower-case hex digits, else a :class:`StoreError`."""
    if _KEY.fullmatch(key) is None:
        raise StoreError(f"key {key!r} is not 64 hexadecimal digits", "pass KeyParts.key unchanged")
    return key


def checked_label(label: str, what: str) -> str:
    """``label`` itself when it can be one path component (stage, run id), else a :class:`StoreError`."""
    if _LABEL.fullmatch(label) is None:
        raise StoreError(
            f"{what} {label!r} cannot be a folder name",
            "use letters, digits, '.', '_' and '-', starting with a letter or digit, at most 128",
        )
    return label


def is_safe_file_name(name: str) -> bool:
    """Whether ``name`` is a relative POSIX path that stays inside its folder."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and name == str(path)
        and ".." not in path.parts
        and "\\" not in name
        and name.isprintable()
    )


def object_name(sha256: str) -> str:
    """Address of the folder that holds content ``sha256``."""
    return f"{OBJECTS}/{sha256[:2]}/{checked_key(sha256)}"


def manifest_name(stage: str, key: str) -> str:
    """Address of the manifest of ``key``."""
    return f"{MANIFESTS}/{checked_label(stage, 'stage')}/{checked_key(key)}.json"


def scratch_name(stage: str, key: str) -> str:
    """Address of the folder where an unfinished ``key`` keeps shards and checkpoints."""
    return f"{SCRATCH}/{checked_label(stage, 'stage')}/{checked_key(key)}"


def lease_name(stage: str, key: str) -> str:
    """Address of the lease on computing ``key``."""
    return f"{LEASES}/{checked_label(stage, 'stage')}/{checked_key(key)}.json"


def run_name(run_id: str) -> str:
    """Address of a run record."""
    return f"{RUNS}/{checked_label(run_id, 'run id')}.json"


def format_marker() -> bytes:
    """What :data:`FORMAT` holds."""
    return (json.dumps({"format": _NAME, "version": STORE_VERSION}) + "\n").encode()


def format_version(data: bytes) -> int:
    """The version in a format marker.

    Raises:
        Damaged: it is not one.
    """
    try:
        marker = json.loads(data)
    except (ValueError, RecursionError):
        raise Damaged("is damaged: it is not JSON") from None
    if not isinstance(marker, dict) or marker.get("format") != _NAME:
        raise Damaged(f"is damaged: its format is not {_NAME!r}")
    if type(version := marker.get("version")) is not int:
        raise Damaged("is damaged: it names no version")
    return version
