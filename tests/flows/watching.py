"""What a person could see of a deployed run: on the server, and in the store that its machines share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.client.schemas.sorting import LogSort

from counterpoise.artifacts.store import Store
from tests.flows.machines import Machine, Server, wait_for

LONG = {
    "alignment": {
        "checkpoint_every": 10,
        "optimisation": {"epochs": 120},  # there is time to be killed in
        "strength": 1.0,
    }
}


class Watcher:
    """What a person could see of the run: on the server, and in the store."""

    def __init__(self, server: Server, store: str) -> None:
        self._server, self._store = server, store

    @contextmanager
    def client(self) -> Iterator[SyncPrefectClient]:
        with SyncPrefectClient(self._server.url) as client:
            yield client

    def start(self, deployment: str, config: dict[str, Any]) -> UUID:
        """A run of the deployment with these settings instead of its own."""
        with self.client() as client:
            found = client.read_deployment_by_name(deployment)
            parameters = {**found.parameters, "config": {**found.parameters["config"], **config}}
            return client.create_flow_run_from_deployment(found.id, parameters=parameters).id

    def read(self, run: UUID) -> FlowRun:
        with self.client() as client:
            return client.read_flow_run(run)

    def until(self, run: UUID, holds: Any, seconds: float) -> FlowRun:
        """The run, once ``holds`` says so of it."""

        def look() -> FlowRun | None:
            now = self.read(run)
            return now if holds(now) else None

        try:
            found = wait_for("", look, seconds)
        except TimeoutError:
            now = self.read(run)
            history = "\n".join(self.history(run))
            raise TimeoutError(f"after {seconds} s, started {now.run_count} times:\n{history}") from None
        assert found is not None
        return found

    def checkpoint_after(self, last: str) -> str:
        """The number of a complete checkpoint in the shared store that is newer than ``last``."""

        def look() -> str:
            names = (entry.name for entry in Store.open(self._store, create=True).backend.entries("scratch"))
            steps = [
                name.rpartition("checkpoint-")[2].removesuffix(".COMPLETE")
                for name in names
                if "/checkpoint-" in name and name.endswith(".COMPLETE")
            ]
            return max((step for step in steps if step > last), default="")

        return wait_for(f"a checkpoint after {last or 'none'}", look, 480, every=0.2)

    def log(self, run: UUID) -> list[str]:
        with self.client() as client:
            wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
            newest = client.read_logs(wanted, limit=200, sort=LogSort.TIMESTAMP_DESC)
            return [line.message for line in newest]

    def states(self, run: UUID) -> list[State[Any]]:
        """Every state that the run came into, in order."""
        with self.client() as client:
            return sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)

    def history(self, run: UUID) -> list[str]:
        return [f"{each.timestamp:%H:%M:%S} {each.name} {each.message or ''}" for each in self.states(run)]

    def tasks(self, run: UUID) -> list[TaskRun]:
        """Those of every attempt."""
        with self.client() as client:
            wanted = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
            return client.read_task_runs(task_run_filter=wanted, limit=200)

    def open_attempts(self, run: UUID) -> set[int]:
        """The attempts of which a task has not ended."""
        tasks = self.tasks(run)
        return {task.flow_run_run_count for task in tasks if not (task.state and task.state.is_final())}

    def tasks_of_attempt(self, run: UUID, attempt: int) -> dict[str, str]:
        """State by stage of the tasks that this start of the run made."""
        of_attempt = [each for each in self.tasks(run) if each.flow_run_run_count == attempt]
        return {each.name.partition(":")[0].partition(",")[0]: str(each.state_name) for each in of_attempt}


@contextmanager
def everything_stopped_after(server: Server, *machines: Machine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for machine in machines:
            print(f"--- {machine.name}\n{machine.log()[-4000:]}")
        raise
    finally:
        for machine in machines:
            machine.stop()
        server.stop()
