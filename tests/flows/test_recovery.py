"""A scheduled run that loses its process, its server and then its whole machine ends by itself on a second machine.

All processes are real: Prefect's server, two workers with a HOME, a checkout and a working folder each, `counterpoise
reap`. Between the machines is nothing but the store, a folder once and a bucket once.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import LogSort

from artifacts.store import Store
from flows.deploying.reaper import Rules
from tests.artifacts.s3_server import running
from tests.flows.machines import Machine, Server, wait_for

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
LONG = {
    "alignment": {
        "checkpoint_every": 10,
        "optimisation": {"epochs": 120},  # there is time to be killed in
        "strength": 1.0,
    }
}


@dataclass(frozen=True)
class Ending:
    """How the run stands when no hand was lent to it.

    Attributes:
        seen: the last checkpoint in the store before the first machine vanished.
        log: the run's log lines.
        states: by stage, of the tasks that its last start made.
        history: every state that the run came into: when, which, and why.
    """

    run: FlowRun
    seen: str
    log: list[str]
    states: dict[str, str]
    history: list[str]


@pytest.fixture(scope="module")
def endings(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ending]]]:
    """Both dramas at once: most of their time goes by in waiting."""
    folder = tmp_path_factory.mktemp("recovery")
    with running() as bucket, pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": bucket.url}.items():
            patch.setenv(name, value)
        for method, path in (("POST", "moto-api/reset"), ("PUT", "bucket")):
            urllib.request.urlopen(urllib.request.Request(f"{bucket.url}/{path}", method=method)).close()
        stores = {"folder": str(folder / "shared"), "bucket": "s3://bucket/shared"}
        yield {kind: pool.submit(drama, store, root, folder / kind) for kind, store in stores.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_run_survives_its_process_its_server_and_its_machine(
    kind: str, endings: dict[str, Future[Ending]]
) -> None:
    ending = endings[kind].result()
    history = "\n".join(ending.history)
    assert ending.run.state_name == "Completed", history
    # Two losses are the test's own. A worker that reports the first one late, after the server's restart, takes the
    # attempt that is already under way with it (docs/log.md), which costs one more.
    assert 3 <= ending.run.run_count < Rules().attempts, history
    resumed = [
        line for line in ending.log if line.startswith("adapter") and "went on from checkpoint-" in line
    ]
    assert len(resumed) == 1, ending.log
    assert resumed[0].rpartition("checkpoint-")[2] >= ending.seen  # where the first machine was, or later
    before = ["base-model", "neutral", "dataset", "pairs", "counterfactuals", "toxicity", "preferences"]
    assert {stage: ending.states[stage] for stage in before} == dict.fromkeys(before, "Cached")
    assert {state for stage, state in ending.states.items() if stage not in before} == {"Completed"}


def drama(store: str, root: Path, folder: Path) -> Ending:
    """Two deaths and a restart inside training; nothing but the store is there for the second machine."""
    server = Server(folder / "server")
    environment = {"PREFECT_API_URL": server.url, "OMP_NUM_THREADS": "1"}
    first, second = (Machine(name, folder / name, root, environment) for name in ("first", "second"))
    with everything_stopped_after(server, first, second):
        server.start()
        first.counterpoise("deploy", "--store", store)
        watcher = Watcher(server, store)
        first.start_worker()
        second.start_reaper()
        run = watcher.start("debias/smoke", LONG)

        seen = watcher.checkpoint_after("")
        (process,) = first.flow_processes()
        process.kill()
        watcher.until(run, lambda now: now.state_type == StateType.CRASHED, 120)
        server.restart()
        watcher.until(run, lambda now: now.run_count >= 2 and now.state_type == StateType.RUNNING, 400)

        seen = watcher.checkpoint_after(seen)
        is_spot = not store.startswith("s3:")  # the other one's power is cut
        first.vanish(notice_s=1.0 if is_spot else 0.0)
        if not is_spot:
            assert watcher.read(run).state_type == StateType.RUNNING  # nobody has told the server
        second.start_worker()
        ended = watcher.until(
            run,
            lambda now: (
                now.state is not None and now.state.is_final() and now.state_type != StateType.CRASHED
            ),
            600,
        )
        states = watcher.tasks_of_attempt(run, ended.run_count)
        return Ending(ended, seen, watcher.log(run), states, watcher.history(run))


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

        return wait_for(f"a checkpoint after {last or 'none'}", look, 240, every=0.2)

    def log(self, run: UUID) -> list[str]:
        with self.client() as client:
            wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
            newest = client.read_logs(wanted, limit=200, sort=LogSort.TIMESTAMP_DESC)
            return [line.message for line in newest]

    def history(self, run: UUID) -> list[str]:
        with self.client() as client:
            states = sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)
        return [f"{state.timestamp:%H:%M:%S} {state.name} {state.message or ''}" for state in states]

    def tasks_of_attempt(self, run: UUID, attempt: int) -> dict[str, str]:
        """State by stage of the tasks that this start of the run made."""
        with self.client() as client:
            wanted = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
            tasks = client.read_task_runs(task_run_filter=wanted, limit=200)
        of_attempt = [each for each in tasks if each.flow_run_run_count == attempt]
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
