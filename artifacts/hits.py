"""Looking an artifact up: a hit is verified, damage becomes a miss with its reason."""

from __future__ import annotations

import contextlib
from pathlib import Path

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.layout import is_safe_file_name, manifest_name, object_name
from counterpoise.artifacts.manifest import Miss, Ref, parse_manifest
from counterpoise.errors import StoreError


def look_up(backend: Backend, stage: str, key: str, peek: bool) -> Ref | Miss:
    """See :meth:`counterpoise.artifacts.store.Store.lookup`."""
    name = manifest_name(stage, key)
    try:
        manifest = parse_manifest(backend.read(name), stage, key)
    except FileNotFoundError:
        return Miss("never computed with this key")
    except Damaged as damage:
        return put_aside(backend, name, f"its manifest {damage}", peek)
    address = object_name(manifest.sha256)
    problem = backend.problem(address, manifest.outputs)
    if problem is not None and not peek and _heal(backend, manifest.ref):
        problem = backend.problem(address, manifest.outputs)
    if problem is not None:
        return put_aside(backend, name, f"{address}: {problem}", peek)
    if not peek:
        backend.touch(name)
    return manifest.ref


def fetch(backend: Backend, ref: Ref) -> Path:
    """See :meth:`counterpoise.artifacts.store.Store.fetch`."""
    address = object_name(ref.sha256)
    if not all(is_safe_file_name(name) for name in ref.files):
        raise StoreError(f"the reference {ref.label} names a file outside its folder", "recompute the run")
    try:
        try:
            return backend.fetch(address, ref.files, ref.sha256)
        except Damaged:
            if not _heal(backend, ref):
                raise
            return backend.fetch(address, ref.files, ref.sha256)
    except Damaged as damage:
        put_aside(backend, manifest_name(ref.stage, ref.key), f"{address}: {damage}")
        raise StoreError(
            f"the artifact {ref.label} ({ref.key[:12]}) in {backend.url} is damaged: {damage}",
            "run again: it is computed anew",
        ) from None


def put_aside(backend: Backend, name: str, reason: str, peek: bool = False) -> Miss:
    """Moves a manifest whose artifact is damaged to quarantine, so that the stage is computed again."""
    with contextlib.suppress(StoreError):  # a read-only store cannot put anything aside
        if not peek:
            backend.quarantine(name, reason)
    return Miss(f"damaged: {reason}", damaged=True)


def _heal(backend: Backend, ref: Ref) -> bool:
    """Puts foreign files aside, which spares computing an artifact again over a stray file."""
    with contextlib.suppress(StoreError):
        return backend.heal(object_name(ref.sha256), ref.files)
    return False
