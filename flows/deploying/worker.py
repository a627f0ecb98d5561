"""A process worker that outlives its runs when it is stopped: they save, are scheduled again, and then it ends.

Prefect's own process worker (3.8.8) ends on SIGTERM at once and kills its runs with SIGKILL; the server then takes
them for running until their heartbeat is missed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from counterpoise.flows.deploying.handing_on import SERVER_FAILS, scheduled_again

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2


class Worker(ProcessWorker):
    """Prefect's process worker with a graceful end.

    Attributes:
        grace_s: seconds that a run may take to save its checkpoint after it was told to stop; then it is killed.
    """

    def __init__(self, *, grace_s: float, **options: Any) -> None:
        super().__init__(**options)
        self.grace_s = grace_s
        self._processes: dict[UUID, int] = {}
        self._asked = False
        self._told: set[UUID] = set()

    @classmethod
    def __dispatch_key__(cls) -> str:
        """Prefect's registry of workers keeps its own under ``process``."""
        return "counterpoise-process"

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """None once the worker is to end."""
        return [] if self._asked else await super().get_and_submit_flow_runs()

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """Without a run whose last attempt has not ended here yet: Prefect's worker would end with an error."""
        offered = await super()._get_scheduled_flow_runs()
        return [each for each in offered if each.flow_run.id not in self._processes]

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Runs it as Prefect's worker does, and remembers its process.

        A crash has been reported by then. Told of it by the exit code, the worker would report it a second time, which
        comes late where the server is busy and then ends the next attempt.
        """
        status = _Started(task_status, lambda process: self._started(flow_run.id, process))
        try:
            ended = await super().run(flow_run, configuration, status)
        finally:
            self._processes.pop(flow_run.id, None)
        return ended.model_copy(update={"status_code": 0})

    def _started(self, run: UUID, process: int) -> None:
        self._processes[run] = process
        if self._asked:
            self._tell(run, signal.SIGTERM)

    def ask(self) -> None:
        """Takes no more runs and tells those that it has to stop."""
        self._asked = True
        for run in list(self._processes):
            self._tell(run, signal.SIGTERM)

    def _tell(self, run: UUID, number: signal.Signals) -> None:
        self._told.add(run)
        with suppress(ProcessLookupError):
            os.kill(self._processes[run], number)

    async def last_run_ended(self) -> None:
        """Waits until no run is left; kills those that have not ended after the grace."""
        deadline = time.monotonic() + self.grace_s
        while self.limiter.borrowed_tokens:
            if time.monotonic() > deadline:
                for run in list(self._processes):
                    _LOG.warning("run %s did not end within %.0f s: killed", run, self.grace_s)
                    self._tell(run, signal.SIGKILL)
            await asyncio.sleep(_POLL_S)
        for run in self._told:
            await self._hand_on(run)

    async def _hand_on(self, run: UUID) -> None:
        """Schedules a run again that could not do so itself: it was killed, or stopped before its flow began."""
        with suppress(*SERVER_FAILS):
            state = (await self.client.read_flow_run(run)).state
            if state is not None and state.is_crashed():
                again = scheduled_again("its worker was stopped; goes on from the store", datetime.now(UTC))
                await self.client.set_flow_run_state(run, again)


class _Started:
    """Passes a process's start on to the worker's base class, and to ours."""

    def __init__(self, inner: anyio.abc.TaskStatus[int] | None, told: Callable[[int], None]) -> None:
        self._inner = inner or anyio.TASK_STATUS_IGNORED
        self._told = told
        self._future = getattr(inner, "_future", None)  # Prefect looks at it

    def started(self, value: int | None = None) -> None:
        """The process runs."""
        if value is not None:
            self._told(value)
            self._inner.started(value)


async def serve(worker: Worker, say: Callable[[str], None]) -> None:
    """Works until SIGTERM or Ctrl-C, then until the last run has handed itself on; a second Ctrl-C ends it at once."""
    working = asyncio.current_task()
    assert working is not None
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        await worker.last_run_ended()
        working.cancel()

    def ask(interrupted: bool) -> None:
        if not ending:
            say("asked to stop: its run saves what it has and goes on elsewhere")
            worker.ask()
            ending.append(asyncio.create_task(end()))
        elif interrupted:
            working.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ask, False)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, ask, True)
    try:
        await worker.start(printer=say)
    except asyncio.CancelledError:
        if not ending:
            raise
        say("stopped")
