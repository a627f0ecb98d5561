"""Checks everything in a store against what its manifests say; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from counterpoise.artifacts.backend import Backend, Entry
from counterpoise.artifacts.damage import Damage, Damaged
from counterpoise.artifacts.layout import FORMAT, MANIFESTS, RUNS, format_version, object_name
from counterpoise.artifacts.manifest import Manifest, parse_manifest, unsealed

_AGAIN = "run again: it is computed anew"


def verify_store(backend: Backend, full: bool, progress: Callable[[int, int], None]) -> list[Damage]:
    """See :meth:`counterpoise.artifacts.store.Store.verify`."""
    entries, records = backend.entries(MANIFESTS), backend.entries(RUNS)
    found: list[Damage] = []
    manifests: dict[str, Manifest] = {}
    for done, entry in enumerate(entries):
        progress(done, len(entries))
        try:
            manifest = read_manifest(backend, entry)
        except Damaged as damage:
            found.append(Damage(entry.name, str(damage), _AGAIN))
            continue
        except FileNotFoundError:
            continue  # collected while we looked
        manifests[manifest.key] = manifest
        problem = backend.problem(object_name(manifest.sha256), manifest.outputs, full=full)
        if problem is not None:
            found.append(Damage(f"{object_name(manifest.sha256)} ({manifest.label})", problem, _AGAIN))
    progress(len(entries), len(entries))
    return [
        *_damaged_format(backend),
        *found,
        *_missing_parents(manifests),
        *_damaged_runs(backend, records, manifests),
    ]


def read_manifest(backend: Backend, entry: Entry) -> Manifest:
    """The manifest in a file under ``manifests/``.

    Raises:
        Damaged: it is not one, or not the one that its address says.
        FileNotFoundError: it is gone.
    """
    parts = entry.name.removesuffix(".json").split("/")
    if len(parts) != 3 or not entry.name.endswith(".json"):
        raise Damaged("is not a manifest's address")
    return parse_manifest(backend.read(entry.name), parts[1], parts[2])


def _damaged_format(backend: Backend) -> Iterator[Damage]:
    try:
        format_version(backend.read(FORMAT))
    except FileNotFoundError:
        yield Damage(FORMAT, "is missing", "run again: it is written anew")
    except Damaged as damage:
        yield Damage(FORMAT, str(damage), "run again: it is written anew")


def _missing_parents(manifests: dict[str, Manifest]) -> Iterator[Damage]:
    for manifest in manifests.values():
        for parent in manifest.parents:
            if parent.key not in manifests:
                what = f"its input {parent.label} ({parent.key[:12]}) is not in the store"
                yield Damage(f"{manifest.stage} {manifest.key[:12]}", what, _AGAIN)


def _damaged_runs(backend: Backend, records: list[Entry], manifests: dict[str, Manifest]) -> Iterator[Damage]:
    for entry in records:
        try:
            record = unsealed(backend.read(entry.name))
        except FileNotFoundError:
            continue
        except Damaged as damage:
            yield Damage(entry.name, str(damage), "delete it, or run again")
            continue
        for stage in record.get("stages", []):
            key = stage.get("key") if isinstance(stage, dict) else None
            if isinstance(key, str) and key not in manifests:
                what = f"its artifact {_name(stage)} ({key[:12]}) is not in the store"
                yield Damage(entry.name, what, _AGAIN)


def _name(stage: dict[str, Any]) -> str:
    return str(stage.get("label") or stage.get("stage") or "?")
