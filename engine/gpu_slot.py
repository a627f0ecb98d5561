"""A task that waits for the GPU says so: Prefect itself waits for a limit's slot without a word."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import httpx
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Completed

GPU_TAG = "gpu"
"""The tag that GPU tasks carry; `counterpoise deploy` limits how many of them run at a time."""
POLL_S = 2.0


def wait_for_gpu(check: Callable[[], None]) -> None:
    """Returns once a slot of the GPU's limit is free; while none is, a task named after who has it shows the wait.

    A server without such a limit, or that does not answer, is not waited for: the stage's own task asks again.

    Args:
        check: called while waiting; raises to stop.
    """
    with get_client(sync_client=True) as client:
        holder = held_by(client)
        if holder:
            name = f"waits for the GPU: {holder} has it"
            _wait.with_options(task_run_name=name)(name, check)


def held_by(client: SyncPrefectClient) -> str:
    """Who has the GPU limit's slots, in words; empty where one is free or there is no limit."""
    try:
        limit = client.read_global_concurrency_limit_by_name(f"tag:{GPU_TAG}")
        if limit.active_slots < limit.limit:
            return ""
        holders = client.read_concurrency_limit_by_tag(GPU_TAG).active_slots
        return " and ".join(_named(client, UUID(str(holder))) for holder in holders) or "a task that is gone"
    except (httpx.HTTPError, PrefectException):
        return ""


def _named(client: SyncPrefectClient, holder: UUID) -> str:
    try:
        held = client.read_task_run(holder)
        run = client.read_flow_run(held.flow_run_id).name if held.flow_run_id else "no run"
    except ObjectNotFound:
        return "a task that is gone"
    return f"{held.name.partition(':')[0]} of {run}"


@task(name="gpu slot", cache_policy=NO_CACHE, persist_result=False)
def _wait(what: str, check: Callable[[], None]) -> State:
    """Looks again and again until a slot is free."""
    get_run_logger().info("%s", what)
    started = time.monotonic()
    with get_client(sync_client=True) as client:
        while held_by(client):
            check()
            time.sleep(POLL_S)
    return Completed(message=f"waited {time.monotonic() - started:.0f} s")
