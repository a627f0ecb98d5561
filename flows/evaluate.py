"""The flow without training: a finished run, or any model and adapter, on the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from artifacts.publish import publish_table
from artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from flows.prefect_settings import quiet_libraries
from flows.termination import prefect_decides
from tasks.evaluation import RESULT, How, Subject, evaluation
from tasks.execute import Outcome, execute
from tasks.models import ADAPTER_FOLDER
from tasks.stopping import stop_on_sigterm

Name = Literal["crows-pairs", "stereoset", "winobias", "perplexity"]
EVERY: tuple[Name, ...] = ("crows-pairs", "stereoset", "winobias", "perplexity")
KEY = "evaluation"


@flow(name="evaluate", persist_result=False, validate_parameters=True)
def evaluate(
    model: str = Field(
        "", description="A model folder, registry name or hf://owner/name@commit; or name a run."
    ),
    adapter: str = Field("", description="A LoRA folder to score with the model off and on; empty: none."),
    run: str = Field("", description="A finished run's id, or `latest`: its base model and first adapter."),
    benchmarks: list[Name] = Field(list(EVERY), min_length=1, description="What to run."),  # noqa: B008
    prefix: str = Field("bos", description="Token before each sentence: bos, eos, none, or its text."),
    precision: Literal["fp32", "bf16", "nf4"] = Field("bf16", description="Weights while scoring."),
    store: str = Field("store", description="Where artifacts are kept: a folder or an s3:// URL."),
) -> list[dict[str, Any]]:
    """Scores base and, with an adapter, tuned through the same weights; every benchmark is cached in the store.

    CrowS-Pairs is scored whole here: with a run's adapter most of its pairs are ones that it was trained on. The
    run's own report has the held-out score.
    """
    quiet_libraries()
    opened = Store.open(store)
    subject, in_sample = _subject(opened, model, adapter, run)
    with prefect_decides(), stop_on_sigterm() as stop:
        rows = []
        for name in benchmarks:
            stop.check()
            state = _benchmark_task(name, subject, How(prefix, precision), store, return_state=True)
            outcome: Any = state.result()
            result = json.loads((opened.fetch(outcome.ref) / RESULT).read_text(encoding="utf-8"))
            rows.append(row_of(name, result, outcome, in_sample and name.startswith("crows-pairs")))
    publish_table(KEY, rows, f"{run or model}, scored at {precision} with prefix {prefix}")
    return rows


@task(name="benchmark", task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False, tags={"gpu"})
def _benchmark_task(name: str, subject: Subject, how: How, store: str) -> State:
    """Fetches the benchmark's data and scores."""
    from counterpoise.evaluation.benchmarks import BENCHMARKS
    from counterpoise.sources.datasets import locate, source_hash

    source = BENCHMARKS[name].source
    if source is None:
        raise UsageError(f"{name} has no published mirror", "use `counterpoise score --data FILE`")
    stage = evaluation(subject, name, locate(source), source_hash(source), how)
    outcome = execute(stage, RunConfig(), Store.open(store), {})
    message = f"{outcome.state} · key {outcome.ref.key[:12]}"
    return Completed(
        name="Cached" if outcome.state == "cached" else "Completed", message=message, data=outcome
    )


def _subject(store: Store, model: str, adapter: str, run: str) -> tuple[Subject, bool]:
    """What is scored, and whether it was trained on CrowS-Pairs.

    Raises:
        UsageError: neither or both of model and run, or a run without an adapter.
    """
    if bool(model) == bool(run):
        raise UsageError("evaluate needs a model or a run, and not both", "give model=… or run=latest")
    if run:
        return _of_run(store, run), True
    from counterpoise.records import silent
    from counterpoise.sources.hashing import path_sha256
    from flows.commands._model import model_folder

    folder = model_folder(model, silent)
    tuned = Path(adapter).expanduser() if adapter else None
    return Subject(folder, path_sha256(folder), tuned, path_sha256(tuned) if tuned else ""), False


def _of_run(store: Store, name: str) -> Subject:
    record = store.run(name)
    refs = _first_refs(record["stages"])
    if not {"base-model", "adapter"} <= refs.keys():
        raise UsageError(
            f"run {record['run']} has no adapter: it is {record['status']}", "name a finished run"
        )
    model, adapter = refs["base-model"], refs["adapter"]
    return Subject(store.fetch(model), model.sha256, store.fetch(adapter) / ADAPTER_FOLDER, adapter.sha256)


def _first_refs(stages: Sequence[dict[str, Any]]) -> dict[str, Ref]:
    found: dict[str, Ref] = {}
    for stage in stages:
        ref = Ref.from_json(stage["ref"])
        found.setdefault(ref.stage, ref)
    return found


def row_of(name: str, result: dict[str, Any], outcome: Outcome, in_sample: bool) -> dict[str, Any]:
    """One benchmark's row: base, tuned, and whether the tuned model was trained on its pairs."""
    base, tuned = result["base"], result.get("tuned")
    low, high = base["interval"]
    row = {"benchmark": name, "n": base["n"], "base": base["overall"], "base 95 %": f"{low:.2f}–{high:.2f}"}
    if tuned:
        low, high = tuned["interval"]
        row |= {"tuned": tuned["overall"], "tuned 95 %": f"{low:.2f}–{high:.2f}"}
        row["note"] = "trained on part of these pairs" if in_sample else ""
    return row | {"state": outcome.state, "key": outcome.ref.key}
