"""The flow over flows: every model × recipe × seed is a run of its own; then one table, one report, one chart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from counterpoise.artifacts.store import Store
from counterpoise.config import RunConfig
from counterpoise.engine.dashboard import in_run, publish_comparison
from counterpoise.engine.execute import Outcome, execute
from counterpoise.engine.report_files import MARKDOWN, RESULTS
from counterpoise.engine.run_record import RunRecord
from counterpoise.engine.runlog import RecordLog
from counterpoise.engine.stopping import StopFlag
from counterpoise.errors import CounterpoiseError
from counterpoise.flows.branch_runs import (
    GRACE_S,
    BranchOutcome,
    BranchRunner,
    DeploymentRunner,
    ProcessRunner,
)
from counterpoise.flows.debias import run_id
from counterpoise.flows.deploying.handing_on import end_open_tasks
from counterpoise.flows.naming import sweep_name
from counterpoise.flows.prefect_settings import quiet_libraries
from counterpoise.flows.reporters import branch_lines
from counterpoise.flows.sweep_plan import Branch, SweepPlan, branches
from counterpoise.flows.termination import prefect_decides, stop_on_request
from counterpoise.measures.sweeps import Failure, read_sweep
from counterpoise.tasks.comparison import Finished, comparison, inputs_of

DEFAULT_PLAN = SweepPlan()


@flow(name="sweep", flow_run_name=sweep_name, persist_result=False, validate_parameters=True)
def sweep(
    plan: SweepPlan = DEFAULT_PLAN,
    store: str = Field("store", description="Where artifacts are kept: a folder or an s3:// URL."),
    parallel: int = Field(1, ge=1, le=1000, description="Branches at a time."),
    deployment: str = Field(
        "",
        description="Run each branch as a run of this deployment, as `debias/local`; empty: each is a "
        "process on this machine.",
    ),
) -> dict[str, Any]:
    """Fans out over models × recipes × seeds; a failed branch is named and doesn't stop the others."""
    quiet_libraries()
    end_open_tasks()
    planned = branches(plan)
    log = SweepLog(Store.open(store), run_id(), plan)
    with prefect_decides(), stop_on_request(log) as stop, log:
        runner = _runner(store, parallel, deployment, log.record["run"], stop)
        with stop.needing(GRACE_S):
            outcomes = run_branches(planned, runner, store, parallel, stop, log.finished)
        stop.check()
        compared = compare(plan, planned, outcomes, Store.open(store))
        publish(Store.open(store), compared)
    return log.completed(compared)


def _runner(store: str, parallel: int, deployment: str, sweep_run: str, stop: StopFlag) -> BranchRunner:
    if deployment:
        return DeploymentRunner(store, deployment, sweep_run, stop)
    with get_client(sync_client=True) as client:
        api_url = str(client.api_url)
    return ProcessRunner(store, parallel, stop, api_url, branch_lines(parallel))


def run_branches(
    planned: Sequence[Branch],
    runner: BranchRunner,
    store: str,
    parallel: int,
    stop: StopFlag,
    told: Callable[[BranchOutcome], None],
) -> list[BranchOutcome]:
    """Every branch's outcome, in the plan's order, with at most ``parallel`` at a time.

    Args:
        told: of each branch once, as it ends; also of one whose runner raised.
    """
    outcomes: dict[int, BranchOutcome] = {}

    @task(name="branch", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
    def branch_task(label: str, number: int) -> State:
        """One run of the pipeline."""
        outcome = _not_started(planned[number], store) if stop() else runner(planned[number])
        outcomes[number] = outcome
        told(outcome)
        done = outcome.status == "completed"
        return (Completed if done else Failed)(message=outcome.reason or f"run {outcome.run}")

    runner_of_tasks: Any = ThreadPoolTaskRunner(max_workers=parallel)
    with runner_of_tasks as pool:
        futures = [
            pool.submit(branch_task, parameters={"label": branch.label, "number": number})
            for number, branch in enumerate(planned)
        ]
        for number, future in enumerate(futures):
            future.wait()
            if number not in outcomes:
                outcomes[number] = _lost(planned[number], store, str(future.state.message))
                told(outcomes[number])
    return [outcomes[number] for number in range(len(planned))]


def _not_started(branch: Branch, store: str) -> BranchOutcome:
    return BranchOutcome(branch.label, "stopped", None, "not started", branch.command(store))


def _lost(branch: Branch, store: str, message: str) -> BranchOutcome:
    """A branch whose runner raised, or that Prefect could not start: the store or a server was away."""
    reason = " ".join(message.split())
    return BranchOutcome(branch.label, "failed", None, reason, branch.command(store))


def compare(
    plan: SweepPlan, planned: Sequence[Branch], outcomes: Sequence[BranchOutcome], store: Store
) -> Outcome:
    """The comparison of the finished branches, from the store if it was made before.

    Raises:
        CounterpoiseError: none has finished; the message has each one's reason.
    """
    finished, failures = [], []
    for branch, outcome in zip(planned, outcomes, strict=True):
        if outcome.status == "completed":
            record = RunRecord({"run": outcome.run, "status": outcome.status, "stages": outcome.stages})
            finished.append(Finished.of_run(branch.facts, record))
        else:
            failures.append(Failure(outcome.label, outcome.reason, outcome.resume))
    if not finished:
        reasons = "; ".join(f"{item.label}: {item.reason}" for item in failures)
        raise CounterpoiseError(f"no branch of the sweep finished: {reasons}", f"then: {failures[0].resume}")
    stage = comparison(plan.name, finished, failures)
    return execute(stage, RunConfig(), store, inputs_of(finished))


def publish(store: Store, compared: Outcome) -> None:
    """Shows the comparison in the dashboard."""
    if not in_run():
        return
    folder = store.fetch(compared.ref)
    publish_comparison((folder / MARKDOWN).read_text(encoding="utf-8"), read_sweep(folder / RESULTS))


class SweepLog(RecordLog):
    """The sweep's own record in the store, current after every branch."""

    def __init__(self, store: Store, run: str, plan: SweepPlan) -> None:
        config = plan.model_dump(mode="json")
        super().__init__(store, run, plan.profile, config, time.time, kind="sweep", branches=[])
        self._lock = Lock()

    def finished(self, outcome: BranchOutcome) -> None:
        """Adds a branch, as it ends."""
        with self._lock:
            self.record["branches"].append(outcome.to_json())
            self._write()

    def completed(self, compared: Outcome) -> dict[str, Any]:
        """Ends the record with the comparison and returns it."""
        self.record["stages"] = [compared.to_json()]
        self.record["report"] = {"key": compared.ref.key, "sha256": compared.ref.sha256}
        failed = sum(branch["status"] != "completed" for branch in self.record["branches"])
        self._end("completed" if not failed else "incomplete")
        return self.record
