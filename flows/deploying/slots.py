"""Frees GPU slots that nobody holds any more.

A GPU task takes a slot of its tag's limit against a lease, and a lease that is not renewed gives the slot back. A
server that keeps its leases in memory, Prefect's default, forgets them when it restarts and keeps the slots taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType, TaskRun
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from counterpoise.engine.gpu_slot import GPU_TAG

LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
"""The server's setting: where it keeps who holds a slot."""
LASTING = "prefect.server.concurrency.lease_storage.filesystem"


def forgotten(taken: int, held: int, since: datetime, now: datetime, patience: timedelta) -> int:
    """How many of ``taken`` slots have no task that holds them.

    Args:
        held: tasks that run with the tag; a task that waits for a slot is not running yet.
        since: when a slot was last taken or given back. Younger than ``patience``, nothing is said: a task may just
            have started or ended.

    >>> from datetime import UTC
    >>> noon, minute = datetime(2026, 1, 1, 12, tzinfo=UTC), timedelta(minutes=1)
    >>> forgotten(1, 0, noon - 4 * minute, noon, 3 * minute)
    1
    >>> forgotten(1, 1, noon - 4 * minute, noon, 3 * minute), forgotten(1, 0, noon - minute, noon, 3 * minute)
    (0, 0)
    """
    return max(0, taken - held) if now - since > patience else 0


def free_slots(
    client: SyncPrefectClient, now: datetime, patience: timedelta, *, dry_run: bool = False
) -> int:
    """Gives the forgotten slots of the GPU limit back; how many they were, or would be."""
    name = f"tag:{GPU_TAG}"
    try:
        limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return 0
    if not limit.active_slots or limit.updated is None:
        return 0
    slots = forgotten(limit.active_slots, _holders(client), limit.updated, now, patience)
    if slots and not dry_run:
        client.release_concurrency_slots(
            [name], slots, occupancy_seconds=(now - limit.updated).total_seconds()
        )
    return slots


def forgets(client: SyncPrefectClient) -> bool:
    """Whether the server says that a restart makes it forget who holds its slots."""
    try:
        settings = client.request("GET", "/admin/settings").json()
        return str(settings["server"]["concurrency"]["lease_storage"]).endswith(".memory")
    except (httpx.HTTPStatusError, PrefectHTTPStatusError, KeyError, TypeError, ValueError):
        return False  # a server that doesn't show its settings


def _holders(client: SyncPrefectClient) -> int:
    """Tasks with the tag that run, each in a run that is still at the start that made the task."""
    running = [StateType.RUNNING, StateType.CANCELLING]
    tasks = client.read_task_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=running))),
        task_run_filter=TaskRunFilter(
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=running)),
            tags=TaskRunFilterTags(all_=[GPU_TAG]),
        ),
    )
    ids = {task.flow_run_id for task in tasks if task.flow_run_id}
    runs = {run: client.read_flow_run(run) for run in ids}
    return sum(_is_of_this_start(task, runs) for task in tasks)


def _is_of_this_start(task: TaskRun, runs: dict[Any, FlowRun]) -> bool:
    run = runs.get(task.flow_run_id)
    return run is None or task.flow_run_run_count >= run.run_count
