"""Sweeps as a person runs them: the command line, real processes, one that is killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from counterpoise.artifacts.parquet import read_table
from counterpoise.artifacts.store import Ref, Store
from counterpoise.artifacts.tables import SWEEP
from counterpoise.engine.execute import Outcome
from counterpoise.engine.stopping import StopFlag
from counterpoise.errors import StoreError
from counterpoise.flows.branch_runs import BranchOutcome, ProcessRunner
from counterpoise.flows.sweep import SweepLog, run_branches
from counterpoise.flows.sweep_plan import Branch, SweepPlan, branches
from counterpoise.measures.names import FOLD, SCORE
from counterpoise.measures.results import results_from
from counterpoise.measures.sweeps import read_sweep
from tests.flows.test_smoke import Shell
from tests.servers import own_server

PLAN = """
name = "doses"
profile = "smoke"
folds = [0, 1]
[set]
generation = {samples = 0, max_new_tokens = 2}
[recipes.default]
[recipes.broken]
alignment.lora.targets = ["no_such_layer"]
"""


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    others = (path / "children" for path in Path(f"/proc/{pid}/task").iterdir())
    return [int(number) for path in others for number in path.read_text().split()] or [
        int(number) for number in text.split()
    ]


def test_a_killed_branch_is_named_with_its_reason_and_how_to_go_on(tmp_path: Path) -> None:
    (branch,) = branches(SweepPlan(profile="smoke"))
    before, found = set(children(os.getpid())), []
    runner = ProcessRunner(str(tmp_path / "store"), 1, lambda: False)
    thread = threading.Thread(target=lambda: found.append(runner(branch)))
    thread.start()
    while not (new := set(children(os.getpid())) - before):
        time.sleep(0.01)
    os.kill(new.pop(), signal.SIGKILL)
    thread.join(30)
    (outcome,) = found
    assert (outcome.status, outcome.reason) == ("failed", "its process was killed by SIGKILL; out of memory?")
    assert outcome.resume.startswith(
        f"counterpoise run --profile smoke --store {tmp_path}/store --set seed=0"
    )


def test_a_branch_that_is_asked_to_stop_says_so(tmp_path: Path) -> None:
    (branch,) = branches(SweepPlan(profile="smoke"))
    outcome = ProcessRunner(str(tmp_path / "store"), 1, lambda: True)(branch)
    assert outcome.status == "stopped"


def test_a_branch_whose_runner_raises_leaves_the_sweep_incomplete(tmp_path: Path) -> None:
    plan = SweepPlan(profile="smoke", seeds=(0, 1))
    planned = branches(plan)

    def runner(branch: Branch) -> BranchOutcome:
        if branch is planned[0]:
            raise StoreError("the bucket is away")
        return BranchOutcome(branch.label, "completed", "run-1", "", "")

    log = SweepLog(Store.open(tmp_path / "store"), "sweep", plan)

    @flow(persist_result=False)
    def sweeping() -> list[BranchOutcome]:
        return run_branches(planned, runner, str(tmp_path / "store"), 1, StopFlag(), log.finished)

    with own_server(), log:
        lost, done = sweeping()
    assert (lost.status, done.status) == ("failed", "completed")
    assert "the bucket is away" in lost.reason
    compared = Outcome(
        "comparison", "comparison", None, "computed", Ref("comparison", "c", "k", "s", 1, ()), 1.0
    )
    record = log.completed(compared)
    assert record["status"] == "incomplete"
    assert {row["branch"]: row["status"] for row in record["branches"]} == {
        "default · seed 0": "failed",
        "default · seed 1": "completed",
    }


def test_a_full_disk_does_not_hide_what_ended_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SweepLog(Store.open(tmp_path / "store"), "sweep", SweepPlan(profile="smoke"))

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with pytest.raises(KeyError, match="what ended it"), log:
        monkeypatch.setattr(Store, "write_run", full)
        raise KeyError("what ended it")


@pytest.mark.slow
def test_a_failing_recipe_does_not_lose_the_others(root: Path, tmp_path: Path, prefect_server: str) -> None:
    shell = Shell(root, tmp_path)
    shell.environment["PREFECT_API_URL"] = prefect_server
    file = tmp_path / "doses.toml"
    file.write_text(PLAN, encoding="utf-8")

    record = json.loads(shell("sweep", str(file), "--parallel", "2", "--json", code=1).stdout)
    assert record["status"] == "incomplete"
    by_label: dict[str, Any] = {item["branch"]: item for item in record["branches"]}
    good, bad = by_label["default · seed 0"], by_label["broken · seed 0"]
    assert (good["status"], bad["status"]) == ("completed", "failed")
    assert "no_such_layer" in bad["reason"]
    assert """alignment.lora.targets=["no_such_layer"]""" in bad["resume"]

    store = Store.open(shell.store)
    stages = store.run(record["run"])["stages"]
    folder = store.fetch(Ref.from_json(stages[-1]["ref"]))
    table = read_table(folder / "sweep.parquet", SWEEP).to_pandas()
    scores = table[(table.name == SCORE) & (table.by == "")]
    pooled = scores[scores.group == ""].iloc[0]
    assert pooled.n == scores[scores.group.str.startswith(FOLD)].n.sum()
    assert [item.label for item in read_sweep(folder / "results.json").failures] == ["broken · seed 0"]
    own = results_from(json.loads(shell("show", good["run"], "--json").stdout)["results"]).measures.one(SCORE)
    assert (pooled.tuned, pooled.p) == pytest.approx((own.tuned, own.p))

    again = shell("sweep", str(file), "--parallel", "2", code=1)
    assert "✗ broken · seed 0" in again.stdout
    assert "default · seed 0 │ = adapter · fold 1" in again.stderr
    assert "✓" not in again.stderr, "all is cached"
