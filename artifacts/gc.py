"""Garbage collection: what no kept run, live lease or young artifact needs is deleted.

Records go first, manifests next, content last, so that being killed at any moment leaves nothing
that points to something missing; the next collection goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.artifacts.backend import Backend, Entry
from counterpoise.artifacts.clock import Clock
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.layout import (
    LEASES,
    MANIFESTS,
    OBJECTS,
    QUARANTINE,
    RUNS,
    SCRATCH,
    TMP,
    object_name,
)
from counterpoise.artifacts.lease import is_over, needed_keys
from counterpoise.artifacts.manifest import Manifest, unsealed
from counterpoise.artifacts.runs import find_run, group_of
from counterpoise.artifacts.scratch import PRIVATE
from counterpoise.artifacts.verify import read_manifest

_HEX = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Removed:
    """One thing that was (or, in a dry run, would be) deleted.

    Attributes:
        kind: run, manifest, object, scratch, lease, quarantine or tmp.
        name: its address in the store.
        bytes: its size.
        reason: why nothing needs it.
    """

    kind: str
    name: str
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class GcReport:
    """What a collection did.

    Attributes:
        removed: everything deleted, in order.
        kept: artifacts that stay.
        dry_run: whether nothing was really deleted.
    """

    removed: tuple[Removed, ...]
    kept: int
    dry_run: bool

    @property
    def freed_bytes(self) -> int:
        """Bytes deleted."""
        return sum(item.bytes for item in self.removed)

    def __str__(self) -> str:
        lines = [f"{item.kind} {item.name}: {item.reason}" for item in self.removed]
        verb = "would delete" if self.dry_run else "deleted"
        total = (
            f"{verb} {len(self.removed)} items, {self.freed_bytes / 1e6:.1f} MB; {self.kept} artifacts stay"
        )
        return "\n".join([*lines, total])


@dataclass(frozen=True)
class Rules:
    """What to keep.

    Attributes:
        keep_runs: how many of the newest finished runs of each profile, and as many unfinished ones beside them;
            sweeps are counted for themselves.
        pins: run ids (or unique prefixes) and artifact keys to keep besides.
        min_age_s: nothing younger than this goes, seconds.
        dry_run: only say what would go.
    """

    keep_runs: int
    pins: Sequence[str]
    min_age_s: float
    dry_run: bool


def collect(backend: Backend, rules: Rules, clock: Clock) -> GcReport:
    """See :meth:`counterpoise.artifacts.store.Store.gc`."""
    collection = _Collection(backend, rules, clock.time())
    removed = tuple(collection.run())
    return GcReport(removed, len(collection.kept), rules.dry_run)


class _Collection:
    def __init__(self, backend: Backend, rules: Rules, now: float) -> None:
        self._backend, self._rules, self._now = backend, rules, now
        self.kept: set[str] = set()

    def run(self) -> Iterator[Removed]:
        live = list(self._live_leases())
        runs = self._backend.entries(RUNS)
        kept_runs = self._kept_runs(runs)
        manifests = {entry.name: entry for entry in self._backend.entries(MANIFESTS)}
        parsed = dict(self._parsed(manifests.values()))
        self.kept = self._reachable(parsed, manifests, live, kept_runs)
        yield from self._files("run", (e for e in runs if e.name not in kept_runs), "not among the runs kept")
        yield from self._files(
            "manifest",
            (manifests[name] for name, manifest in parsed.items() if manifest.key not in self.kept),
            "no kept run needs it",
        )
        yield from self._objects(parsed)
        yield from self._scratch({name for name, _ in live}, {m.key for m in parsed.values()})
        yield from self._files("lease", self._over_leases(live), "its holder is gone")
        yield from self._folders("quarantine", QUARANTINE, "older than the minimum age")
        yield from self._folders("tmp", TMP, "left by a killed process")

    def _is_young(self, mtime: float) -> bool:
        return self._now - mtime < self._rules.min_age_s

    def _live_leases(self) -> Iterator[tuple[str, bytes]]:
        for entry in self._backend.entries(LEASES):
            data = self._read(entry)
            if data is not None and entry.name.endswith(".json") and not is_over(data, self._now):
                yield entry.name, data

    def _over_leases(self, live: list[tuple[str, bytes]]) -> Iterator[Entry]:
        names = {name for name, _ in live}
        for entry in self._backend.entries(LEASES):
            if entry.name.endswith(".json") and entry.name not in names and not self._is_young(entry.mtime):
                yield entry

    def _kept_runs(self, entries: list[Entry]) -> dict[str, bytes]:
        """Address and bytes of the newest runs of each group, the pinned and the young ones."""
        data = {entry.name: found for entry in entries if (found := self._read(entry)) is not None}
        newest = self._newest_runs(entries, {name: _record(found) for name, found in data.items()})
        young = [entry.name for entry in entries if self._is_young(entry.mtime)]
        pinned = [
            f"{RUNS}/{find_run(self._backend, pin)['run']}.json"
            for pin in self._rules.pins
            if _HEX.fullmatch(pin.encode()) is None
        ]
        return {name: data.get(name, b"") for name in {*newest, *young, *pinned}}

    def _newest_runs(self, entries: list[Entry], records: dict[str, dict[str, Any]]) -> list[str]:
        """Addresses of the newest runs; attempts that failed and other profiles never push a finished run out."""

        def age(entry: Entry) -> tuple[str, float]:
            return str(records.get(entry.name, {}).get("first_recorded_at", "")), entry.mtime

        groups: dict[tuple[Any, ...], list[str]] = {}
        for entry in sorted(entries, key=age, reverse=True):
            groups.setdefault(group_of(records.get(entry.name, {})), []).append(entry.name)
        return [name for names in groups.values() for name in names[: self._rules.keep_runs]]

    def _parsed(self, entries: Iterable[Entry]) -> Iterator[tuple[str, Manifest]]:
        for entry in entries:
            try:
                yield entry.name, read_manifest(self._backend, entry)
            except (FileNotFoundError, Damaged):
                continue  # `verify` names it, the next look-up puts it aside

    def _reachable(
        self,
        parsed: dict[str, Manifest],
        entries: dict[str, Entry],
        live: list[tuple[str, bytes]],
        runs: dict[str, bytes],
    ) -> set[str]:
        """Keys that something kept needs, with all that they descend from."""
        by_key = {manifest.key: manifest for manifest in parsed.values()}
        wanted = {found.decode() for data in runs.values() for found in _HEX.findall(data)}
        wanted |= set(self._rules.pins)
        wanted |= {m.key for name, m in parsed.items() if self._is_young(entries[name].mtime)}
        for _, data in live:
            needs = needed_keys(data)
            wanted |= set(by_key) if needs is None else set(needs)
        reached: set[str] = set()
        waiting = [key for key in wanted if key in by_key]
        while waiting:
            key = waiting.pop()
            if key not in reached and key in by_key:
                reached.add(key)
                waiting += [parent.key for parent in by_key[key].parents]
        return reached

    def _objects(self, parsed: dict[str, Manifest]) -> Iterator[Removed]:
        """Content that no manifest names; manifests written since we began are read as well."""
        now = {entry.name: entry for entry in self._backend.entries(MANIFESTS)}
        since = [entry for name, entry in now.items() if name not in parsed]
        stayed = {name for name in now if not self._rules.dry_run}
        current = [m for name, m in parsed.items() if m.key in self.kept or name in stayed]
        current += [m for _, m in self._parsed(since)]
        named = {object_name(manifest.sha256) for manifest in current}
        for name, size, mtime in self._grouped(OBJECTS, 3):
            if name not in named and not self._is_young(mtime):
                yield from self._tree("object", name, size, "no manifest names it")

    def _scratch(self, live: set[str], computed: set[str]) -> Iterator[Removed]:
        for name, size, mtime in self._grouped(SCRATCH, 3):
            key = name.rpartition("/")[2].removesuffix(".lock").partition(PRIVATE)[0]
            lease = name.rpartition("/")[0].replace(SCRATCH, LEASES, 1) + f"/{key}.json"
            if lease not in live and not self._is_young(mtime):
                reason = "its stage is committed" if key in computed else "nobody has touched it"
                yield from self._tree("scratch", name, size, reason)

    def _folders(self, kind: str, prefix: str, reason: str) -> Iterator[Removed]:
        for name, size, mtime in self._grouped(prefix, 2):
            is_draft = name.startswith(f"{TMP}/draft-")  # its owner's lock decides, not its age
            if not is_draft and not self._is_young(mtime):
                yield from self._tree(kind, name, size, reason)

    def _grouped(self, prefix: str, depth: int) -> list[tuple[str, int, float]]:
        """Address, size and newest change of each item ``depth`` components deep under ``prefix``."""
        sizes: dict[str, int] = {}
        newest: dict[str, float] = {}
        for entry in self._backend.entries(prefix):
            name = "/".join(entry.name.split("/")[:depth])
            sizes[name] = sizes.get(name, 0) + entry.size
            newest[name] = max(newest.get(name, 0.0), entry.mtime)
        return [(name, size, max(newest[name], self._backend.used_at(name))) for name, size in sizes.items()]

    def _files(self, kind: str, entries: Iterable[Entry], reason: str) -> Iterator[Removed]:
        for entry in entries:
            # Asked again: another run may have looked it up since the listing.
            if not self._is_young(max(entry.mtime, self._backend.used_at(entry.name))):
                if not self._rules.dry_run:
                    self._backend.remove(entry.name)
                yield Removed(kind, entry.name, entry.size, reason)

    def _tree(self, kind: str, name: str, size: int, reason: str) -> Iterator[Removed]:
        if not self._rules.dry_run:
            self._backend.remove_tree(name)
        yield Removed(kind, name, size, reason)

    def _read(self, entry: Entry) -> bytes | None:
        try:
            return self._backend.read(entry.name)
        except FileNotFoundError:
            return None


def _record(data: bytes) -> dict[str, Any]:
    try:
        return unsealed(data)
    except Damaged:
        return {}
