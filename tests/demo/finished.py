"""A finished run of the smoke profile, made by the pipeline's own stages without Prefect around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterpoise.artifacts.store import Ref, Store
from counterpoise.engine.execute import execute
from counterpoise.engine.runlog import RunLog
from counterpoise.engine.stage import Stage
from counterpoise.flows.configure import load_config
from counterpoise.flows.pipeline import pipeline

RUN = "20260101-000000-demotest"
STRONG = (
    "alignment.optimisation.learning_rate=0.03",
    "alignment.strength=1.0",
    "scoring.precision=fp32",  # where an answer does not depend on those that it is decoded with
)
"""So that the two steps of this profile change what the model writes, and the page has something to compare."""


def finished_run(url: Path) -> dict[str, Any]:
    """The run's record."""
    store, config = Store.open(url), load_config("smoke", STRONG)
    with RunLog(store, RUN, config) as log:

        def step(stage: Stage, *, fold: int | None = None, **inputs: Any) -> Ref:
            outcome = execute(stage, config, store, inputs, fold=fold)
            log.finished(outcome)
            return outcome.ref

        return log.completed(pipeline(step, config))
