"""The flow without training: which run it takes, and that it stops within a benchmark."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from counterpoise.artifacts.store import Store
from counterpoise.engine.job import Job
from counterpoise.engine.prefect_step import Around, surrounded
from counterpoise.engine.stage import Stage
from counterpoise.engine.stopping import stop_on_sigterm
from counterpoise.errors import Stopped, UsageError
from counterpoise.flows.evaluate import Found, _benchmark_task, _of_run, row_of
from counterpoise.flows.reporters import SilentReporter
from counterpoise.tasks.evaluation import How, Subject
from tests.artifacts.making import Clock, commit, parts


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", clock=Clock(1_700_000_000.0))


def put(store: Store, run: str, status: str, profile: str = "local", source: str = "smollm2-135m") -> Found:
    """A run with artifacts of its own; what would be scored of it."""
    model = commit(store, parts("base-model", run=run), {"model": run.encode()})
    adapter = commit(store, parts("adapter", run=run), {"adapter/weights": run.encode()})
    stages = [{"ref": ref.to_json()} for ref in (model, adapter)]
    config = {"model": {"source": source}}
    store.write_run(run, {"profile": profile, "status": status, "stages": stages, "config": config})
    store._clock.forward(1.0)  # type: ignore[attr-defined]
    subject = Subject(store.fetch(model), model.sha256, store.fetch(adapter) / "adapter", adapter.sha256)
    return Found(subject, source, run, "crows-pairs")


def test_latest_is_the_newest_completed_run_that_is_no_smoke_run(store: Store) -> None:
    with pytest.raises(UsageError, match="no finished run"):
        _of_run(store, "latest")
    smoke = put(store, "smoke-1", "completed", "smoke", "tiny")
    put(store, "tiny-1", "completed", "local", "tiny")
    with pytest.raises(UsageError, match=" but 2 smoke runs, whose model means nothing"):
        _of_run(store, "latest")
    assert _of_run(store, "smoke-1") == smoke  # asked for by name
    finished = put(store, "finished", "completed")
    put(store, "smoke", "completed", "smoke", "tiny")
    put(store, "failed", "failed")
    assert _of_run(store, "latest") == finished
    assert str(finished) == "run finished, smollm2-135m"
    with pytest.raises(UsageError, match="run failed has no report: it is failed"):
        _of_run(store, "failed")


def test_a_row_says_when_the_model_was_trained_on_the_pairs() -> None:
    score = {"n": 4, "overall": 50.0, "interval": [15.0, 85.0]}
    row = row_of("crows-pairs", {"base": score, "tuned": score}, True)
    assert row["note"] == "trained on part of these pairs"
    assert row["tuned (95 %)"] == "50.00 (15.00–85.00)"


def ask_then_move(job: Job) -> None:
    """A benchmark that is asked to stop while it scores."""
    os.kill(os.getpid(), signal.SIGTERM)
    job.progress(1, 2)
    raise AssertionError("it went on")


class Remember(SilentReporter):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def started(self, label: str) -> None:
        self.told.append(f"started {label}")

    def moved(self, label: str, done: int, total: int) -> None:
        self.told.append(f"moved {done}/{total}")

    def failed(self, label: str, error: BaseException) -> None:
        self.told.append(f"failed {label}: {type(error).__name__}")


def test_a_benchmark_tells_its_progress_and_stops_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "counterpoise.flows.evaluate.evaluation", lambda *_: Stage("evaluation", 1, ask_then_move)
    )
    monkeypatch.setattr("counterpoise.sources.datasets.locate", lambda source: tmp_path)
    reporter, subject = Remember(), Subject(tmp_path, "")
    with stop_on_sigterm() as stop, surrounded(Around(reporter, stop)):
        state = _benchmark_task.fn("stereoset", subject, How(), str(tmp_path / "store"))
    assert (state.type, state.name) == (StateType.CANCELLED, "Stopped")
    with pytest.raises(Stopped):
        state.result()
    assert reporter.told == ["started stereoset", "moved 1/2", "failed stereoset: Stopped"]
