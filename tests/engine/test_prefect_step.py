"""Stages under a real Prefect server: states, graph, retries, stopping."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, StateType, TaskRun

from counterpoise.artifacts.store import Store
from counterpoise.config import RunConfig
from counterpoise.engine.execute import Outcome
from counterpoise.engine.gpu_slot import GPU_TAG, held_by
from counterpoise.engine.prefect_step import Around, PrefectStep
from counterpoise.engine.stage import Stage
from counterpoise.engine.stopping import stop_on_sigterm
from counterpoise.errors import SourceError, Stopped
from tests.engine.toy import DOUBLE, NUMBER, ask_to_stop, fail_for_good, fail_twice, save_when_asked
from tests.flows.machines import wait_for
from tests.servers import own_server

CONFIG = RunConfig()


class Remember:
    """A reporter that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def started(self, label: str) -> None:
        self.told.append(f"started {label}")

    def moved(self, label: str, done: int, total: int) -> None:
        self.told.append(f"moved {done}/{total}")

    def finished(self, outcome: Outcome) -> None:
        self.told.append(f"{outcome.state} {outcome.label}")

    def waiting(self, label: str, owner: str) -> None:
        self.told.append(f"waiting {label}: {owner}")

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        self.told.append(f"again in {delay_s} s {label}: {error}")

    def failed(self, label: str, error: BaseException) -> None:
        self.told.append(f"failed {label}: {error}")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with own_server():
        yield


def run(
    store: Path,
    *stages: Stage,
    reporter: Remember | None = None,
    flow_run: list[str] | None = None,
    tasks: int = 0,
) -> tuple[dict[str, TaskRun], list[str]]:
    """Runs NUMBER, DOUBLE and more stages in a flow; the task runs by name, and what was reported.

    Args:
        flow_run: takes the flow run's id, also where it fails.
        tasks: how many task runs that makes, if not one a stage.
    """
    reporter = reporter or Remember()

    @flow(name="toy", persist_result=False)
    def toy() -> str:
        if flow_run is not None:
            flow_run.append(str(runtime.flow_run.id))
        with stop_on_sigterm() as stop:
            step = PrefectStep(CONFIG, str(store), Around(reporter, stop))
            step(DOUBLE, number=step(NUMBER))
            for stage in stages:
                step(stage)
        return str(runtime.flow_run.id)

    made = toy()
    found = wait_for("every task run has ended", lambda: ended(made, tasks or 2 + len(stages)), 60)
    return {task_run.name.partition(":")[0]: task_run for task_run in found}, reporter.told


def ended(flow_run: str, count: int) -> list[TaskRun]:
    """The task runs of a flow run once all are final: the server hears of them through events, so a little later."""
    with get_client(sync_client=True) as client:
        found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run])))
    final = [task_run for task_run in found if task_run.state is not None and task_run.state.is_final()]
    return final if len(final) == count else []


def test_second_run_is_cached_and_the_graph_has_its_edge(tmp_path: Path) -> None:
    first, told = run(tmp_path)
    assert {name: task.state_name for name, task in first.items()} == {
        "number": "Completed",
        "double": "Completed",
    }
    assert told == ["started number", "computed number", "started double", "computed double"]
    assert (first["number"].name, first["double"].name) == ("number: 1 rows", "double: twice 0")
    assert first["number"].state is not None
    assert re.fullmatch(r"1 rows · computed · key [0-9a-f]{12}", first["number"].state.message)
    upstream = [str(getattr(source, "id", "")) for source in first["double"].task_inputs["inputs"]]
    assert upstream == [str(first["number"].id)]

    second, _ = run(tmp_path)
    assert {name: task.state_name for name, task in second.items()} == {
        "number": "Cached",
        "double": "Cached",
    }
    assert (second["number"].name, second["double"].name) == (
        "number: 1 rows, cached",
        "double: twice 0, cached",
    )


def test_network_failures_are_retried_and_others_not(tmp_path: Path) -> None:
    fetch = Stage("fetch", 1, fail_twice, retries=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("counterpoise.engine.prefect_step.RETRY_DELAYS_S", [0.25, 0.5])
        found, told = run(tmp_path, fetch)
    assert found["fetch"].state_name == "Completed"
    assert [line for line in told if "fetch: " in line] == [
        "again in 0.25 s fetch: mirror away",
        "again in 0.5 s fetch: mirror away",
    ]

    with pytest.raises(SourceError, match="mirror away"):
        run(tmp_path / "other", replace(fetch, retries=0), reporter=(last := Remember()))
    assert last.told[-1] == "failed fetch: mirror away"

    reporter = Remember()
    with pytest.raises(SourceError, match="no source is named 'nope'"):
        run(tmp_path, Stage("wrong", 1, fail_for_good, retries=2), reporter=reporter)  # no wait of 2 s, 10 s
    assert reporter.told[-1] == "failed wrong: no source is named 'nope'"
    assert reporter.told.count("started wrong") == 1


def test_sigterm_stops_at_the_next_step_and_the_run_resumes(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="stopped on request"):
        run(tmp_path, Stage("asked", 1, ask_to_stop), replace(NUMBER, name="after"))
    assert signal.getsignal(signal.SIGTERM) == before
    found, _ = run(tmp_path)
    assert {task.state_name for task in found.values()} == {"Cached"}


def test_a_stage_saves_before_it_stops_and_its_task_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Stage("asked", 1, save_when_asked)
    with pytest.raises(Stopped, match="stopped on request"):
        run(tmp_path, asked, flow_run=(seen := []))
    key = asked.key_parts(CONFIG, None, {}).key
    assert list(Store.open(str(tmp_path)).scratch("asked", key).restore()) == ["checkpoint-1"]
    (task,) = (
        each
        for each in wait_for("every task run has ended", lambda: ended(seen[0], 3), 60)
        if each.name == "asked: stopped"
    )
    assert (task.state_type, task.state_name) == (StateType.CANCELLED, "Stopped")
    assert task.state is not None and "run the same command" not in str(task.state.message)
    assert "Traceback" not in "".join(r.getMessage() for r in caplog.records if "asked" in r.getMessage())


def test_a_gpu_task_says_whom_it_waits_for(tmp_path: Path) -> None:
    gpu = replace(NUMBER, name="on-gpu", tags=(GPU_TAG,))
    other, *_ = run(tmp_path / "other")[0].values()  # a task that has ended, in whose name the slot is taken
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(GPU_TAG, 1)
        holder = ConcurrencyLeaseHolder(type="task_run", id=other.id)
        answer = client.increment_concurrency_slots_with_lease(
            [f"tag:{GPU_TAG}"], 1, "concurrency", 60, holder
        )
        assert held_by(client).startswith(f"{other.name.partition(':')[0]} of ")
        given_back = threading.Timer(3, _give_back, [answer.json()["lease_id"]])
        given_back.start()
        found, _ = run(tmp_path / "own", gpu, tasks=4)
        given_back.join()
        assert held_by(client) == ""
        client.delete_concurrency_limit_by_tag(GPU_TAG)
    (waited,) = (task for name, task in found.items() if name == "waits for the GPU")
    assert waited.name.startswith(f"waits for the GPU: {other.name.partition(':')[0]} of ")
    assert waited.state is not None and re.fullmatch(r"waited \d+ s", str(waited.state.message))
    assert found["on-gpu"].state_name == "Completed"


def _give_back(lease: str) -> None:
    with get_client(sync_client=True) as client:
        client.release_concurrency_slots_with_lease(UUID(lease))
