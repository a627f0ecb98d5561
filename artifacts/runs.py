"""Run records: one JSON file a run, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.artifacts.backend import Backend
from counterpoise.artifacts.clock import Clock, utc
from counterpoise.artifacts.damage import Damaged
from counterpoise.artifacts.layout import RUNS, run_name
from counterpoise.artifacts.manifest import sealed, unsealed
from counterpoise.errors import StoreError

_FINISHED = ("completed", "incomplete")
"""Status of a run that has its result; a sweep is incomplete when it compared some of its branches."""


def group_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What ``gc`` keeps a number of each: runs of one kind and profile, finished or not; damaged ones are ``{}``."""
    return record.get("kind"), record.get("profile"), record.get("status") in _FINISHED


def write_run(backend: Backend, clock: Clock, run_id: str, payload: Mapping[str, Any]) -> None:
    """Records a run, or replaces its record.

    Artifacts whose keys stand anywhere in ``payload`` are kept by ``gc`` while the run is.
    """
    now = utc(clock.time())
    try:
        first = unsealed(backend.read(run_name(run_id))).get("first_recorded_at", now)
    except (FileNotFoundError, Damaged):
        first = now
    record = {**payload, "run": run_id, "first_recorded_at": first, "recorded_at": now}
    backend.write(run_name(run_id), sealed(record))


def all_runs(backend: Backend) -> tuple[dict[str, Any], ...]:
    """Every readable run record, newest first."""
    records = []
    for entry in backend.entries(RUNS):
        try:
            records.append(unsealed(backend.read(entry.name)))
        except (FileNotFoundError, Damaged):
            continue  # `verify` names it
    return tuple(sorted(records, key=lambda run: (run["first_recorded_at"], run["run"]), reverse=True))


def find_run(backend: Backend, name: str) -> dict[str, Any]:
    """The record of a run given by id, unique prefix, or ``latest``.

    Raises:
        StoreError: no run or several runs are meant, or the record is damaged.
    """
    if name == "latest":
        runs = all_runs(backend)
        if not runs:
            raise StoreError(f"store {backend.url} has no runs", "run `counterpoise run` first")
        return runs[0]
    ids = [entry.name.removeprefix(f"{RUNS}/").removesuffix(".json") for entry in backend.entries(RUNS)]
    matches = [name] if name in ids else sorted(run for run in ids if run.startswith(name))
    if len(matches) != 1:
        what = f"matches {len(matches)} runs ({', '.join(matches)})" if matches else "matches no run"
        raise StoreError(f"{name!r} {what} in store {backend.url}", "`counterpoise runs` lists them")
    try:
        return unsealed(backend.read(run_name(matches[0])))
    except Damaged as damage:
        raise StoreError(
            f"the record of run {matches[0]} {damage}", "run `counterpoise verify`, then the run again"
        ) from None
