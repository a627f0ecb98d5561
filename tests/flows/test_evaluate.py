"""The flow without training: which run it takes, and that it stops within a benchmark."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from artifacts.store import Store
from counterpoise.errors import Stopped, UsageError
from flows.evaluate import _of_run, evaluate, row_of
from tasks.evaluation import Subject
from tasks.job import Job
from tasks.stage import Stage
from tests.artifacts.making import Clock, commit, parts
from tests.servers import own_server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", clock=Clock(1_700_000_000.0))


def put(store: Store, run: str, status: str, profile: str = "local") -> Subject:
    """A run with artifacts of its own; what would be scored of it."""
    model = commit(store, parts("base-model", run=run), {"model": run.encode()})
    adapter = commit(store, parts("adapter", run=run), {"adapter/weights": run.encode()})
    stages = [{"ref": ref.to_json()} for ref in (model, adapter)]
    store.write_run(run, {"profile": profile, "status": status, "stages": stages})
    store._clock.forward(1.0)  # type: ignore[attr-defined]
    return Subject(store.fetch(model), model.sha256, store.fetch(adapter) / "adapter", adapter.sha256)


def test_latest_is_the_newest_completed_run_that_is_no_smoke_run(store: Store) -> None:
    finished = put(store, "finished", "completed")
    put(store, "smoke", "completed", "smoke")
    put(store, "failed", "failed")
    assert _of_run(store, "latest") == finished
    with pytest.raises(UsageError, match="run failed has no report: it is failed"):
        _of_run(store, "failed")


def test_a_row_says_when_the_model_was_trained_on_the_pairs() -> None:
    score = {"n": 4, "overall": 50.0, "interval": [15.0, 85.0]}
    row = row_of("crows-pairs", {"base": score, "tuned": score}, True)
    assert row["note"] == "trained on part of these pairs"
    assert row["tuned 95 %"] == "15.00–85.00"


def ask_then_move(job: Job) -> None:
    """A benchmark that is asked to stop while it scores."""
    os.kill(os.getpid(), signal.SIGTERM)
    job.progress(1, 2)
    raise AssertionError("it went on")


def test_sigterm_stops_within_a_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def toy(*_: Any) -> Stage:
        return Stage("evaluation", 1, ask_then_move)

    monkeypatch.setattr("flows.evaluate.evaluation", toy)
    monkeypatch.setattr("flows.evaluate._subject", lambda *_: (Subject(tmp_path, ""), False))
    monkeypatch.setattr("counterpoise.sources.datasets.locate", lambda source: tmp_path)
    with own_server(), pytest.raises(Stopped, match="stopped on request"):
        evaluate(model="toy", benchmarks=["stereoset"], store=str(tmp_path / "store"))
