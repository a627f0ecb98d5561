"""Committing an artifact: content first, the manifest last."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.hits import look_up, put_aside
from counterpoise.artifacts.layout import manifest_name, object_name
from counterpoise.artifacts.manifest import Manifest, Ref
from counterpoise.errors import StoreError

_LOG = logging.getLogger(__name__)


def commit_folder(backend: Backend, folder: Path, manifest: Manifest) -> Ref:
    """Makes ``folder`` the content of ``manifest``, unless its key has a valid artifact already."""
    earlier = look_up(backend, manifest.stage, manifest.key, peek=False)
    if isinstance(earlier, Ref):
        if earlier.sha256 != manifest.sha256:
            _LOG.warning(
                "%s %s was computed twice with different bytes; the first (%s) stays",
                manifest.stage,
                manifest.key[:12],
                earlier.sha256[:12],
            )
        return earlier
    return _publish(backend, folder, manifest)


def _publish(backend: Backend, folder: Path, manifest: Manifest) -> Ref:
    """Tries again when a garbage collection took older, equal content away in between."""
    address, name = object_name(manifest.sha256), manifest_name(manifest.stage, manifest.key)
    problem: str | None = None
    while problem is None or folder.is_dir():
        outputs = backend.publish(folder, address, manifest.outputs)
        backend.write(name, replace(manifest, outputs=outputs).to_bytes())
        problem, earlier = backend.problem(address, outputs), problem
        if problem is None:
            backend.settle(folder, address)
            return manifest.ref
        if earlier is not None:
            break
    put_aside(backend, name, f"{address}: {problem}")
    raise StoreError(
        f"store {backend.url}, {address}: {problem} right after it was written", "check the disk, run again"
    )
