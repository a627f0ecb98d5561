"""The artifact store: content-addressed objects, and manifests whose existence means complete."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.clock import SYSTEM, Clock, utc
from counterpoise.artifacts.commit import commit_folder
from counterpoise.artifacts.damage import Damage, Damaged
from counterpoise.artifacts.draft import Draft, open_draft
from counterpoise.artifacts.folders import describe
from counterpoise.artifacts.gc import GcReport, Rules, collect
from counterpoise.artifacts.hits import fetch, look_up
from counterpoise.artifacts.keys import KeyParts, explain
from counterpoise.artifacts.layout import MANIFESTS, checked_label, lease_name, manifest_name
from counterpoise.artifacts.lease import PATIENT, Lease, Terms, Waiting, hold_lease
from counterpoise.artifacts.manifest import Manifest, Miss, Ref, parse_manifest
from counterpoise.artifacts.opening import open_backend
from counterpoise.artifacts.runs import all_runs, find_run, write_run
from counterpoise.artifacts.scratch import Scratch
from counterpoise.artifacts.verify import verify_store
from counterpoise.errors import StoreError

__all__ = ["Draft", "Manifest", "Miss", "Ref", "Store"]

_NEAREST = 64
"""How many of a stage's most recently used manifests `nearest` compares."""


class Store:
    """A store of artifacts; make one with :meth:`open`.

    Args:
        backend: the place it lives in.
        clock: the time that manifests and leases record.
    """

    def __init__(self, backend: Backend, clock: Clock = SYSTEM) -> None:
        self.backend = backend
        self._clock = clock

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        create: bool = True,
        may_be_absent: bool = False,
        cache: Path | None = None,
        clock: Clock = SYSTEM,
    ) -> Store:
        """The store at ``url``: a folder, ``file://…``, or ``s3://bucket/folder``.

        Args:
            create: make it when there is none.
            may_be_absent: with ``create`` false, a place where there is none counts as an empty store; for those who
                only look things up.
            cache: local folder for downloads and memos; by default
                :func:`counterpoise.sources.cache.default_cache`.

        Raises:
            StoreError: there is none and neither of the two is true, it is something else, or a newer version's.
        """
        backend = open_backend(url, create=create, cache=cache, may_be_absent=may_be_absent)
        return cls(backend, clock)

    @property
    def url(self) -> str:
        """Where the store is."""
        return self.backend.url

    def lookup(self, stage: str, key: str, *, peek: bool = False) -> Ref | Miss:
        """The verified artifact under ``key``, or why there is none.

        A damaged one goes to quarantine, so that the stage is computed again.

        Args:
            peek: change nothing in the store, for those who only want to know.

        Raises:
            StoreError: the store cannot be read, which never counts as a miss.
        """
        return look_up(self.backend, stage, key, peek)

    def draft(self, stage: str, key: str) -> AbstractContextManager[Draft]:
        """A folder to write an artifact's files into; removed at the end of the ``with`` block.

        ``commit`` it inside the block. A full disk inside the block becomes one clear :class:`StoreError`.
        """
        manifest_name(stage, key)
        return open_draft(self.backend.workspace, self.url, stage, key)

    def commit(
        self,
        draft: Draft,
        parts: KeyParts,
        *,
        label: str,
        rows: int | None,
        parents: Sequence[Ref],
        facts: Mapping[str, Any],
    ) -> Ref:
        """Makes a draft's files the artifact of ``parts.key``; after it the draft's folder is gone.

        Where the key has a valid artifact already, that one stays and is returned: what other runs
        depend on does not change under them.

        Args:
            label: what people read.
            rows: rows of its table, or None.
            parents: the artifacts it was computed from.
            facts: circumstances outside the content: commit, versions, hardware, timings.

        Raises:
            StoreError: the files are not plain files, the parts are another key's, or writing failed;
                nothing half-written is visible then.
        """
        if (parts.stage, parts.key) != (draft.stage, draft.key):
            raise StoreError(
                f"a draft of {draft.stage} {draft.key[:12]} was committed as {parts.stage} {parts.key[:12]}",
                "open the draft with the key of the same parts",
            )
        now = utc(self._clock.time())
        outputs = describe(draft.folder)
        manifest = Manifest(parts, label, rows, outputs, tuple(parents), facts, now)
        return commit_folder(self.backend, draft.folder, manifest)

    def fetch(self, ref: Ref) -> Path:
        """A local folder with the artifact's files, verified; read it, never write into it.

        Raises:
            StoreError: the content is damaged (its manifest goes to quarantine, so the next run
                computes it again) or cannot be read.
        """
        return fetch(self.backend, ref)

    def manifest(self, stage: str, key: str) -> Manifest:
        """The manifest of ``key``; its objects are not checked.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        name = manifest_name(stage, key)
        try:
            return parse_manifest(self.backend.read(name), stage, key)
        except FileNotFoundError:
            raise StoreError(f"{self.url} has no {stage} with key {key[:12]}", "run it first") from None
        except Damaged as damage:
            raise StoreError(f"store {self.url}, {name} {damage}", "run again: it is computed anew") from None

    def manifests(self, stage: str, newest: int | None = None) -> tuple[Manifest, ...]:
        """Readable manifests of a stage, newest first.

        Args:
            newest: only that many of the most recently used ones.
        """
        entries = self.backend.entries(f"{MANIFESTS}/{checked_label(stage, 'stage')}")
        entries.sort(key=lambda entry: entry.mtime, reverse=True)
        found = []
        for entry in entries[:newest]:
            with contextlib.suppress(FileNotFoundError, Damaged, StoreError):
                key = entry.name.rpartition("/")[2].removesuffix(".json")
                found.append(parse_manifest(self.backend.read(entry.name), stage, key))
        return tuple(sorted(found, key=lambda manifest: manifest.committed_at, reverse=True))

    def nearest(self, parts: KeyParts) -> Manifest | None:
        """The artifact of this stage whose key differs from ``parts`` in the fewest components, newest first.

        Only the most recently used ones are compared, so that a large store answers as fast as a small one.
        """
        candidates = self.manifests(parts.stage, _NEAREST)
        return min(candidates, key=lambda manifest: len(explain(manifest.parts, parts)), default=None)

    def scratch(self, stage: str, key: str) -> Scratch:
        """Where an unfinished stage keeps shards and checkpoints that survive a kill."""
        return Scratch.open(self.backend, stage, key)

    def lease(
        self,
        stage: str,
        key: str,
        ttl_s: float,
        owner: str,
        clock: Clock | None = None,
        *,
        needs: Sequence[Ref] | None = None,
        waiting: Waiting = PATIENT,
    ) -> AbstractContextManager[Lease]:
        """The right to compute ``key`` alone; waits for a live holder, takes over from a dead one.

        The caller looks the key up again once it has the lease.

        Args:
            ttl_s: how long a holder may be silent before it counts as dead, seconds.
            owner: who asks, for people reading the lease.
            needs: the artifacts that the computation reads, so that ``gc`` need not keep everything.
            waiting: how long to wait behind a live holder, whom to tell, and when to stop.

        Raises:
            Stopped: ``waiting.should_stop`` said so before the lease was had.
        """
        keys = None if needs is None else tuple(ref.key for ref in needs)
        terms = Terms(lease_name(stage, key), ttl_s, owner, keys)
        return hold_lease(self.backend, terms, waiting, clock or self._clock)

    def write_run(self, run_id: str, payload: Mapping[str, Any]) -> None:
        """Records a run or replaces its record; see :func:`counterpoise.artifacts.runs.write_run`."""
        write_run(self.backend, self._clock, run_id, payload)

    def runs(self) -> tuple[dict[str, Any], ...]:
        """Every readable run record, newest first."""
        return all_runs(self.backend)

    def run(self, name: str) -> dict[str, Any]:
        """A run's record by id, unique prefix, or ``latest``."""
        return find_run(self.backend, name)

    def verify(
        self, full: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> list[Damage]:
        """Everything in the store that is not what its manifests say; changes nothing.

        Args:
            full: read every byte, also of files verified before and unchanged since.
            progress: called with manifests checked and manifests in all.
        """
        return verify_store(self.backend, full, progress)

    def gc(
        self,
        keep_runs: int,
        pins: Sequence[str] = (),
        min_age_s: float = 86_400.0,
        dry_run: bool = False,
        clock: Clock | None = None,
    ) -> GcReport:
        """Deletes what neither a kept run, nor a live lease, nor anything young needs.

        Args:
            keep_runs: how many of the newest finished runs of each profile to keep, and of its unfinished ones; sweeps
                are counted for themselves.
            pins: run ids (or unique prefixes) and artifact keys to keep besides.
            min_age_s: nothing used or written within this time goes, seconds.
            dry_run: only say what would go.
        """
        return collect(self.backend, Rules(keep_runs, pins, min_age_s, dry_run), clock or self._clock)
