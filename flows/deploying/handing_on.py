"""A deployment's run that was asked to stop schedules itself again; the attempt that goes on ends what it left open."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType, TaskRun
from prefect.exceptions import Abort, PrefectException, TerminationSignal
from prefect.states import AwaitingRetry, Crashed

from counterpoise.flows.deploying.automations import PAUSE_S

OPEN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.SCHEDULED]
"""States of a task that has not ended."""
SERVER_FAILS = (httpx.HTTPError, PrefectException)
"""What Prefect's client raises, after its own retries, when the server is away or refuses."""


def scheduled_again(message: str, now: datetime) -> State[Any]:
    """The state of a run that goes on with any worker, after the pause that this one's needs to let go of it."""
    return AwaitingRetry(message=message, scheduled_time=now + timedelta(seconds=PAUSE_S))


def hand_on() -> NoReturn:
    """Schedules the run of this process again, and has Prefect end the process without another word.

    Raises:
        Abort: it is scheduled.
        TerminationSignal: somebody cancels the run, or the server does not answer: then Prefect says how it ended,
            Cancelled or Crashed.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # said already; again, it would cut this short
    run = UUID(str(runtime.flow_run.id))
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run).state
            if state is None or not state.is_running():
                raise TerminationSignal(signal.SIGTERM)
            again = scheduled_again("asked to stop; goes on from the store", datetime.now(UTC))
            client.set_flow_run_state(run, again)
    except SERVER_FAILS:
        raise TerminationSignal(signal.SIGTERM) from None
    ended = Abort("asked to stop; the run is scheduled again")
    ended.state = again  # type: ignore[attr-defined]  # as Prefect's own: the state that was set already
    raise ended


def end_open_tasks() -> int:
    """Marks Crashed what earlier attempts of this process's run left open, which gives back their GPU slots too.

    Returns:
        How many tasks that were. A server that does not answer leaves them as they are.
    """
    if runtime.deployment.id is None:
        return 0
    run = UUID(str(runtime.flow_run.id))
    try:
        with get_client(sync_client=True) as client:
            attempt = client.read_flow_run(run).run_count
            left = [task for task in _open_tasks(client, run) if task.flow_run_run_count < attempt]
            for task in left:
                lost: State[Any] = Crashed(message=f"ended with attempt {task.flow_run_run_count} of the run")
                client.set_task_run_state(task.id, lost, force=True)
    except SERVER_FAILS:
        return 0
    return len(left)


def _open_tasks(client: SyncPrefectClient, run: UUID) -> list[TaskRun]:
    return client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=OPEN))),
        limit=200,
    )
