"""Brings back runs that the automations missed, by looking at what is instead of waiting for what is heard.

An automation acts on events, and an event can be lost or late: a server on SQLite drops some under load ("database is
locked"), one that has restarted holds those of runs under way back for 15 minutes, waiting for earlier ones that only
its predecessor has seen, and a run can die before its first heartbeat. So the reaper reads the runs themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import AwaitingRetry, Crashed

from counterpoise.flows.deploying import ATTEMPTS
from counterpoise.flows.deploying.automations import STUCK_S, TAG

LOOKED_AT = 200
"""Runs of ours that it reads, the newest."""


@dataclass(frozen=True)
class Rules:
    """When a run counts as lost.

    Attributes:
        attempts: starts of one run in all; crashes before the start count too.
        silence: RUNNING without a heartbeat or a change of state for this long: its worker is lost.
        stuck: claimed (PENDING) for this long and not started: its worker is lost.
        pause: a Crashed run is left to the automation for this long.
        forget: a run that crashed longer ago is left alone.
    """

    attempts: int = ATTEMPTS
    silence: timedelta = timedelta(seconds=180)
    stuck: timedelta = timedelta(seconds=STUCK_S)
    pause: timedelta = timedelta(seconds=90)
    forget: timedelta = timedelta(days=1)


Verdict = Literal["lost", "resume"]


@dataclass(frozen=True)
class Signs:
    """What is known of a run.

    Attributes:
        since: when it came into its state, UTC.
        heartbeat: its last heartbeat, or None.
        attempts: how often it was started or crashed before it started.
    """

    state: StateType
    since: datetime
    heartbeat: datetime | None
    attempts: int


def verdict(signs: Signs, now: datetime, rules: Rules) -> Verdict | None:
    """``lost``: mark it Crashed; ``resume``: schedule it again; None: leave it alone."""
    age = now - signs.since
    if signs.state == StateType.RUNNING:
        last = max(signs.since, signs.heartbeat or signs.since)
        return "lost" if now - last > rules.silence else None
    if signs.attempts >= rules.attempts:
        return None
    if signs.state == StateType.PENDING:
        return "resume" if age > rules.stuck else None
    if signs.state == StateType.CRASHED:
        return "resume" if rules.pause < age < rules.forget else None
    return None


def reap(
    client: SyncPrefectClient, rules: Rules, *, dry_run: bool = False, now: datetime | None = None
) -> Iterator[tuple[FlowRun, Verdict | None]]:
    """Acts on every lost run; gives each run that it looked at with what was done, or would be; None: left alone."""
    now = now or datetime.now(UTC)
    for run in _candidates(client):
        found = verdict(_signs(client, run), now, rules)
        if found is not None and not dry_run:
            lost: State[Any] = Crashed(
                message=f"no sign of life for {rules.silence.total_seconds():.0f} s: worker lost"
            )
            again: State[Any] = AwaitingRetry(message="lost or crashed; goes on from the store")
            client.set_flow_run_state(run.id, lost if found == "lost" else again)
        yield run, found


def looked(found: Sequence[tuple[FlowRun, Verdict | None]], slots: int, when: datetime) -> str:
    """One look in one line: when, what was there, and whether anything had to be done."""
    states = Counter(str(run.state_name).lower() for run, _ in found)
    there = (
        ", ".join(f"{count} {name}" for name, count in sorted(states.items())) or "none under way or crashed"
    )
    acted = sum(verdict is not None for _, verdict in found)
    done = f"{acted} brought back" if acted else "nothing to bring back"
    freed = f", {slots} GPU slot{'s' * (slots > 1)} freed" if slots else ""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC  runs: {there}; {done}{freed}"


def _candidates(client: SyncPrefectClient) -> list[FlowRun]:
    states = [StateType.RUNNING, StateType.PENDING, StateType.CRASHED]
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
        tags=FlowRunFilterTags(all_=[TAG]),
    )
    runs = client.read_flow_runs(
        flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=LOOKED_AT
    )
    return [run for run in runs if run.deployment_id is not None]


def _signs(client: SyncPrefectClient, run: FlowRun) -> Signs:
    assert run.state is not None
    running = run.state.type == StateType.RUNNING
    crashes = [state for state in client.read_flow_run_states(run.id) if state.type == StateType.CRASHED]
    return Signs(
        state=run.state.type,
        since=run.state.timestamp,
        heartbeat=_last_heartbeat(client, run.id) if running else None,
        attempts=max(run.run_count, len(crashes)),
    )


def _last_heartbeat(client: SyncPrefectClient, run_id: UUID) -> datetime | None:
    wanted: dict[str, Any] = {
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run_id}"]},
        "order": "DESC",
    }
    events = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 1}).json()["events"]
    return datetime.fromisoformat(events[0]["occurred"]) if events else None
