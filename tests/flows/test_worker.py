"""`counterpoise worker` while it ends: its runs are told, waited for, killed after the grace, and scheduled again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Crashed
from prefect.workers.process import ProcessWorker

from counterpoise.flows.deploying.worker import Worker

STUBBORN = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
OBEDIENT = ("sh", "-c", "echo ready; exec sleep 60")


class Server:
    """A server whose runs are in ``state``."""

    def __init__(self, state: State[Any]) -> None:
        self.state = state
        self.set: list[str | None] = []

    async def read_flow_run(self, run: UUID) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)

    async def set_flow_run_state(self, run: UUID, state: State[Any]) -> None:
        self.set.append(state.name)


async def ended_with(command: tuple[str, ...], server: Server) -> int:
    """A worker with one run that is this process is asked to end; the process's exit code."""
    worker = Worker(work_pool_name="gpu", limit=1, grace_s=0.5)
    worker._limiter, worker._client = anyio.CapacityLimiter(1), server  # type: ignore[assignment]
    run = uuid4()
    worker.limiter.acquire_on_behalf_of_nowait(run)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        worker._started(run, process.pid)
        worker.ask()
        assert await worker.get_and_submit_flow_runs() == []
        waiting = asyncio.create_task(worker.last_run_ended())
        code = await asyncio.to_thread(process.wait, 20)
        assert not waiting.done()  # the run has ended, its report has not
        worker.limiter.release_on_behalf_of(run)
        await waiting
    return code


@pytest.mark.parametrize(
    ("command", "code"),
    [(OBEDIENT, -signal.SIGTERM), (STUBBORN, -signal.SIGKILL)],
    ids=["obedient", "stubborn"],
)
def test_a_run_is_told_then_killed_and_scheduled_again(command: tuple[str, ...], code: int) -> None:
    server = Server(Crashed())
    assert asyncio.run(ended_with(command, server)) == code
    assert server.set == ["AwaitingRetry"]


def test_a_run_that_scheduled_itself_again_is_left_alone() -> None:
    server = Server(AwaitingRetry())
    asyncio.run(ended_with(OBEDIENT, server))
    assert server.set == []


def test_a_run_that_has_not_ended_here_is_not_taken_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    held, other = uuid4(), uuid4()

    async def offered(self: ProcessWorker) -> list[SimpleNamespace]:
        return [SimpleNamespace(flow_run=SimpleNamespace(id=run)) for run in (held, other)]

    monkeypatch.setattr(ProcessWorker, "_get_scheduled_flow_runs", offered)
    worker = Worker(work_pool_name="gpu", limit=2, grace_s=1.0)
    worker._processes[held] = 1
    taken = asyncio.run(worker._get_scheduled_flow_runs())
    assert [each.flow_run.id for each in taken] == [other]
