"""The flow without training: a finished run, or any model and adapter, on the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from pydantic import Field

from counterpoise.artifacts.store import Store
from counterpoise.config import RunConfig
from counterpoise.engine.dashboard import publish_table
from counterpoise.engine.gpu_slot import wait_for_gpu
from counterpoise.engine.models import ADAPTER_FOLDER
from counterpoise.engine.prefect_step import RETRY_DELAYS_S, Around, is_transient, run_stage, surrounded
from counterpoise.engine.reporting import Reporters
from counterpoise.engine.run_record import RunRecord, newest_finished
from counterpoise.errors import UsageError
from counterpoise.flows.debias import ended
from counterpoise.flows.deploying.handing_on import end_open_tasks
from counterpoise.flows.naming import evaluate_name
from counterpoise.flows.prefect_settings import quiet_libraries
from counterpoise.flows.reporters import console_reporter, dashboard_reporter
from counterpoise.flows.termination import prefect_decides, stop_on_request
from counterpoise.tasks.evaluation import RESULT, How, Subject, evaluation

Name = Literal["crows-pairs", "stereoset", "winobias", "perplexity"]
EVERY: tuple[Name, ...] = ("crows-pairs", "stereoset", "winobias", "perplexity")
KEY = "evaluation"
COLUMNS = ("benchmark", "n", "base (95 %)", "tuned (95 %)", "model", "run")
"""What the dashboard's table has room for."""
IN_SAMPLE = {
    "crows-pairs": "CrowS-Pairs whole: the adapter was trained on most of these pairs; the run's report has the "
    "held-out score",
    "stereoset": "StereoSet: the adapter was trained on its pairs",
}
FETCHING: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": len(RETRY_DELAYS_S),
    "retry_delay_seconds": RETRY_DELAYS_S,
    "retry_condition_fn": is_transient,
}
"""Both tasks may download: a mirror that is away gets the tries that the pipeline's sources get."""


@flow(name="evaluate", flow_run_name=evaluate_name, persist_result=False, validate_parameters=True)
def evaluate(
    model: str = Field(
        "", description="A model folder, registry name or hf://owner/name@commit; or name a run."
    ),
    adapter: str = Field("", description="A LoRA folder to score with the model off and on; empty: none."),
    run: str = Field(
        "",
        description="A completed run's id, or `latest` for the newest that is no smoke run: base and first adapter.",
    ),
    benchmarks: list[Name] = Field(list(EVERY), min_length=1, description="What to run."),  # noqa: B008
    prefix: str = Field("bos", description="Token before each sentence: bos, eos, none, or its text."),
    precision: Literal["fp32", "bf16", "nf4"] = Field("bf16", description="Weights while scoring."),
    store: str = Field("store", description="Where artifacts are kept: a folder or an s3:// URL."),
) -> list[dict[str, Any]]:
    """Scores base and, with an adapter, tuned through the same weights; every benchmark is cached in the store.

    What a run's adapter was trained on is marked: CrowS-Pairs is scored whole here, and the run's own report has the
    held-out score.
    """
    quiet_libraries()
    end_open_tasks()
    opened = Store.open(store)
    with prefect_decides(), stop_on_request() as stop:
        around = Around(Reporters([console_reporter(), dashboard_reporter()]), stop)
        found = _subject_task(store, model, adapter, run)
        rows = []
        for name in benchmarks:
            with surrounded(around):
                wait_for_gpu(stop.check)
                state = _benchmark_task(name, found.subject, How(prefix, precision), store, return_state=True)
            ref: Any = state.result()
            result = json.loads((opened.fetch(ref) / RESULT).read_text(encoding="utf-8"))
            cells = row_of(name, result, name == found.trained_on)
            cells |= {"run": found.run, "model": found.model}
            rows.append(cells | {"state": "cached" if state.name == "Cached" else "computed", "key": ref.key})
    said = f"{found}, scored at {precision} with prefix {prefix}"
    shown = [{name: row[name] for name in COLUMNS if name in row} for row in rows]
    publish_table(KEY, shown, f"{said}. {IN_SAMPLE[found.trained_on]}" if found.trained_on else said)
    return ended(rows, said)


@dataclass(frozen=True)
class Found:
    """What is scored.

    Attributes:
        model: its name, as the run's configuration or the caller has it.
        run: the id of the run that it comes from; empty if none.
        trained_on: the benchmark that the run's adapter was trained on; empty if none.
    """

    subject: Subject
    model: str
    run: str = ""
    trained_on: str = ""

    def __str__(self) -> str:
        return f"run {self.run}, {self.model}" if self.run else self.model


@task(name="subject", **FETCHING)
def _subject_task(store: str, model: str, adapter: str, run: str) -> Found:
    """Finds the run's model and adapter, or fetches the model."""
    return _subject(Store.open(store), model, adapter, run)


@task(name="benchmark", task_run_name="{name}", tags={"gpu"}, **FETCHING)
def _benchmark_task(name: str, subject: Subject, how: How, store: str) -> State:
    """Fetches the benchmark's data and scores."""
    from counterpoise.evaluation.benchmarks import BENCHMARKS
    from counterpoise.sources.datasets import locate, source_hash

    source = BENCHMARKS[name].source
    if source is None:
        raise UsageError(f"{name} has no published mirror", "use `counterpoise score MODEL --data FILE`")
    stage = evaluation(subject, name, locate(source), source_hash(source), how)
    return run_stage(stage, name, RunConfig(), Store.open(store), None, {})


def _subject(store: Store, model: str, adapter: str, run: str) -> Found:
    """The model and adapter that are meant.

    Raises:
        UsageError: neither or both of model and run, or a run that has not completed or is a sweep.
    """
    if bool(model) == bool(run):
        raise UsageError("evaluate needs a model or a run, and not both", "give model=… or run=latest")
    if run:
        return _of_run(store, run)
    from counterpoise.flows.commands._model import model_folder
    from counterpoise.records import silent
    from counterpoise.sources.hashing import path_sha256

    folder = model_folder(model, silent)
    tuned = Path(adapter).expanduser() if adapter else None
    subject = Subject(folder, path_sha256(folder), tuned, path_sha256(tuned) if tuned else "")
    return Found(subject, f"{model} with {adapter}" if adapter else model)


def _of_run(store: Store, name: str) -> Found:
    """``latest`` is never a smoke run: what its model scores means nothing."""
    how = "run `counterpoise run` first, or give a run's id"
    record = RunRecord(newest_finished(store, how, smoke=False) if name == "latest" else store.run(name))
    record.require_finished()
    model, adapter = record.first("base-model"), record.first("adapter")
    folder = store.fetch(adapter) / ADAPTER_FOLDER
    subject = Subject(store.fetch(model), model.sha256, folder, adapter.sha256)
    config = record.data["config"]
    return Found(subject, str(config["model"]["source"]), record.run, _trained_on(config))


def _trained_on(config: Mapping[str, Any]) -> str:
    source = config.get("pairs", {}).get("training_source", "")
    if not source:
        return "crows-pairs"
    return "stereoset" if source == "stereoset" or source.endswith(".json") else ""


def row_of(name: str, result: dict[str, Any], in_sample: bool) -> dict[str, Any]:
    """One benchmark's row: base, tuned, and whether the tuned model was trained on its pairs."""
    base, tuned = result["base"], result.get("tuned")
    low, high = base["interval"]
    row = {"benchmark": name, "n": base["n"], "base (95 %)": f"{base['overall']:.2f} ({low:.2f}–{high:.2f})"}
    if tuned:
        low, high = tuned["interval"]
        row["tuned (95 %)"] = f"{tuned['overall']:.2f} ({low:.2f}–{high:.2f})"
        row["note"] = "trained on part of these pairs" if in_sample else ""
    return row
