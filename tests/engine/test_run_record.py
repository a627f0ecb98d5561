"""What commands ask of a run's record, and which run they take when none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterpoise.artifacts.process import identity
from counterpoise.artifacts.store import Ref, Store
from counterpoise.engine.run_record import RunRecord, newest_finished
from counterpoise.errors import UsageError
from counterpoise.flows.commands.publish import chosen_run
from counterpoise.measures.measure import Measures
from counterpoise.measures.results import Facts, Filtered, Results, Verdict, to_text
from tests.artifacts.making import Clock, commit, parts


def stage(name: str, number: int) -> dict[str, Any]:
    ref = Ref(name, f"{name} · fold {number}", f"key{number}", f"sha{number}", None, ())
    return {"stage": ref.label, "ref": ref.to_json()}


def record(**more: Any) -> RunRecord:
    return RunRecord({"run": "r", "status": "completed", "stages": [], **more})


SWEEP = {"kind": "sweep", "branches": [{"run": "b1"}, {"run": None}, {"run": "b2"}]}


def test_artifacts_by_stage_in_the_order_they_were_made() -> None:
    run = record(stages=[stage("adapter", 0), stage("scores", 0), stage("adapter", 1)])
    assert [ref.key for ref in run.refs("adapter")] == ["key0", "key1"]
    assert run.first("adapter").key == "key0"
    assert run.refs("report") == []


def test_what_is_lacking_is_said_with_the_status() -> None:
    with pytest.raises(UsageError) as caught:
        record(status="failed").first("report")
    assert str(caught.value) == "run r has no report: it is failed — name a finished run"
    with pytest.raises(UsageError, match="run r has no report: it is running"):
        record(status="running").require_finished()
    record().require_finished()
    record(status="failed").require_one_run()


def test_settings_of_another_version_are_one_line() -> None:
    assert record(config={"profile": "smoke"}).config().profile == "smoke"
    with pytest.raises(UsageError) as caught:
        record(config={"alignment": {"loss": {"gone": 1}, "old": 2}}).config()
    assert str(caught.value) == (
        "run r is of an earlier recipe: 2 of its settings are not this version's, alignment.loss.gone the first "
        "— name a newer run, or use the version that made it"
    )


@pytest.mark.parametrize("ask", ["first", "require_finished", "require_one_run"])
def test_a_sweep_says_that_it_is_one_and_names_its_branches(ask: str) -> None:
    arguments = ("report",) if ask == "first" else ()
    with pytest.raises(UsageError) as caught:
        getattr(record(**SWEEP), ask)(*arguments)
    assert str(caught.value) == (
        "run r is a sweep, not a run with a model and a report — name one of its branches: b1, b2"
    )


def test_a_running_record_whose_process_is_gone_has_died() -> None:
    me = identity()
    gone = {**me, "started": "1"}  # another process had this number
    assert record(status="running", process=me).status == "running"
    assert record(status="running", process=gone).status == "died"
    assert record(status="running").status == "running", "an older record names no process"
    assert record(status="completed", process=gone).status == "completed"
    with pytest.raises(UsageError, match="run r has no report: it died"):
        record(status="running", process=gone).first("report")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", clock=Clock(1_000_000.0))


def put(store: Store, run: str, profile: str, status: str = "completed", **more: Any) -> None:
    store.write_run(run, {"profile": profile, "status": status, "stages": [], **more})
    store._clock.forward(1.0)  # type: ignore[attr-defined]


def test_the_newest_finished_run_is_no_smoke_run_failed_run_or_sweep(store: Store) -> None:
    put(store, "old", "local")
    put(store, "new", "local")
    put(store, "later-smoke", "smoke")
    put(store, "failed", "local", "failed")
    put(store, "sweep", "local", kind="sweep")
    assert newest_finished(store)["run"] == "new"


def test_a_smoke_run_is_taken_where_nothing_else_has_finished(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no finished run in .* — make one"):
        newest_finished(store, "make one")
    put(store, "smoke-1", "smoke")
    put(store, "smoke-2", "smoke")
    put(store, "failed", "local", "failed")
    assert newest_finished(store)["run"] == "smoke-2"


def test_publish_says_which_run_it_is(store: Store) -> None:
    results = Results(
        Facts("local", 0, "tiny", "bf16", "bos", "sum"),
        Verdict("improved", "good", "Nearer to neutral", "It went."),
        (),
        Measures([]),
        (),
        Filtered(1, 1, {}),
    )
    report = commit(store, parts("report"), {"results.json": to_text(results.to_json()).encode()})
    stages = [{"stage": "report", "ref": report.to_json()}]
    found = {"run": "r", "profile": "local", "status": "failed", "stages": stages}
    assert chosen_run(store, found) == {"run": "r", "profile": "local", "headline": "Nearer to neutral"}
    with pytest.raises(UsageError, match="run r has no report: it is failed"):
        chosen_run(store, {**found, "stages": []})
