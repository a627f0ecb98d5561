"""Automations that bring a run back after its process, worker or machine vanished, and tell a person how it ended.

A run whose process dies is marked Crashed by its worker. One whose worker died too only falls silent: the missing
heartbeat marks it. Either way the *same* run is scheduled again, with its parameters; what it had finished comes
from the store. A run that keeps crashing is left Crashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from counterpoise.errors import UsageError
from counterpoise.flows.deploying import ATTEMPTS
from counterpoise.flows.deploying.changes import Change

TAG = "counterpoise"
"""Carried by every deployment of `deployments/prefect.yaml`: the automations act on nothing else."""
RESUME = "counterpoise-crashed-run-resumes"
"""The automation whose trigger holds the limit on attempts."""
RUN_COUNT = "prefect.run-count"
HEARTBEAT_S = 30
"""The pool templates' heartbeat, the shortest that Prefect takes."""
SILENCE_S = 3 * HEARTBEAT_S
STUCK_S = 3600
"""A claimed run that hasn't started by then has lost its worker; a spot GPU node may take long to come."""

PAUSE_S = 20
"""Between a crash and the next attempt. A worker with a limit that is offered a run again before it has let go of the
crashed attempt ends with an error itself (seen with Prefect 3.8.8)."""

_RUN = {"prefect.resource.id": "prefect.flow-run.*"}
_OURS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
_ENDS = ("Completed", "Failed", "Cancelled", "Cancelling", "Crashed")
_WAITS = ("AwaitingRetry", "Scheduled", "Late")
_GOES_ON = (*_ENDS[:-1], *_WAITS, "Pending", "Running")


def recovery(attempts: int) -> list[AutomationCore]:
    """The automations of recovery.

    Args:
        attempts: how often one run is started in all; the guard against crash loops.
    """
    counts = [str(count) for count in range(1, attempts)]
    silent = AutomationCore(
        name="counterpoise-silent-run-crashed",
        description=f"A run without a heartbeat for {SILENCE_S} s has lost its process: mark it Crashed.",
        trigger=_absence("heartbeat", ("heartbeat", *_ENDS, *_WAITS), SILENCE_S),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"no heartbeat for {SILENCE_S} s: worker lost"
            )
        ],
    )
    resume = AutomationCore(
        name=RESUME,
        description=f"A Crashed run is scheduled again, the same one, up to {attempts} attempts in all.",
        trigger=_absence("Crashed", _GOES_ON, PAUSE_S, {RUN_COUNT: counts}),
        actions=[_again("crashed; goes on from the store")],
    )
    stuck = AutomationCore(
        name="counterpoise-claimed-run-never-started",
        description=f"A run claimed by a worker and not started within {STUCK_S} s is scheduled again.",
        trigger=_absence("Pending", ("Running", *_ENDS, *_WAITS), STUCK_S),
        actions=[_again("claimed by a worker that never started it")],
    )
    return [silent, resume, stuck]


def attempts_on(client: SyncPrefectClient) -> int:
    """How often a run is started in all, as the server's automation has it; :data:`ATTEMPTS` where there is none."""
    for automation in client.read_automations_by_name(RESUME):
        trigger = automation.trigger
        counts = (trigger.match.get(RUN_COUNT) or []) if isinstance(trigger, EventTrigger) else []
        if counts and all(count.isdecimal() for count in counts):
            return max(map(int, counts)) + 1
    return ATTEMPTS


def notifications(block_document_id: Any, attempts: int) -> list[AutomationCore]:
    """A message when a run completes or fails, and one when the automations leave a crashed run as it is.

    They do so after its last attempt, and at a crash before the first: such a run has no count that would end a crash
    loop, so only the reaper, which counts its crashes, schedules it again.
    """
    message = SendNotification(
        block_document_id=block_document_id,
        subject="counterpoise: {{ flow_run.name }} {{ flow_run.state.name }}",
        body="{{ flow_run.name }} of deployment {{ deployment.name }}: {{ flow_run.state.name }}. "
        "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
    )
    ended = AutomationCore(
        name="counterpoise-notify-ended",
        description="Tells when a run has completed or failed.",
        trigger=_event(("Completed", "Failed"), {}),
        actions=[message],
    )
    given_up = AutomationCore(
        name="counterpoise-notify-given-up",
        description=f"Tells when a run has crashed in attempt {attempts}, its last, or before its first. "
        "A run that crashed before its first is scheduled again by `counterpoise reap` alone.",
        trigger=_event(("Crashed",), {RUN_COUNT: ["0", str(attempts)]}),
        actions=[message],
    )
    return [ended, given_up]


def notification_block(client: SyncPrefectClient, reference: str) -> Any:
    """The id of a notification block.

    Args:
        reference: ``type/name`` as `prefect block ls` shows it, e.g. ``slack-webhook/alerts``.

    Raises:
        UsageError: the server has no such block.
    """
    slug, _, name = reference.partition("/")
    try:
        return client.read_block_document_by_name(name, slug).id
    except ObjectNotFound:
        raise UsageError(
            f"no notification block {reference!r} on the server",
            "create one in the dashboard under Blocks and pass it as TYPE/NAME, e.g. slack-webhook/alerts",
        ) from None


def ensure_automations(client: SyncPrefectClient, wanted: list[AutomationCore]) -> Iterator[Change]:
    """Creates each automation, or updates the one of its name; a paused one stays paused."""
    existing = {automation.name: automation for automation in client.read_automations()}
    for automation in wanted:
        found = existing.get(automation.name)
        if found is None:
            client.create_automation(automation)
            yield Change("automation", automation.name, "created")
        elif _content(found) != _content(automation):
            client.update_automation(found.id, automation.model_copy(update={"enabled": found.enabled}))
            yield Change("automation", automation.name, "updated")
        else:
            yield Change("automation", automation.name, "unchanged")


def _events(names: tuple[str, ...]) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


def _absence(
    after: str, expected: tuple[str, ...], seconds: int, match: dict[str, Any] | None = None
) -> EventTrigger:
    return EventTrigger(
        after=_events((after,)),
        expect=_events(expected),
        match=_RUN | (match or {}),
        match_related=_OURS,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=seconds),
    )


def _event(expected: tuple[str, ...], match: dict[str, Any]) -> EventTrigger:
    return EventTrigger(
        expect=_events(expected),
        match=_RUN | match,
        match_related=_OURS,
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )


def _again(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=message)


def _content(automation: AutomationCore) -> Any:
    return _sorted(automation.model_dump(mode="json", include={"description", "trigger", "actions"}))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(inner) for inner in value), key=str)
    return value
