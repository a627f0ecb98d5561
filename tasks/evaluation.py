"""Any model, with or without an adapter → one benchmark's result, base and tuned through the same weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage

RESULT = "result.json"


@dataclass(frozen=True)
class Subject:
    """What is scored.

    Attributes:
        model, adapter: local folders; None for a base alone.
        model_sha256, adapter_sha256: of their content: they stand in the key, the folders do not.
    """

    model: Path
    model_sha256: str
    adapter: Path | None = None
    adapter_sha256: str = ""


@dataclass(frozen=True)
class How:
    """How it is scored; see :class:`counterpoise.likelihood.config.ScoringConfig`."""

    prefix: str = "bos"
    precision: str = "fp32"
    normalisation: str = "sum"


def evaluation(subject: Subject, benchmark: str, data: Path, data_sha256: str, how: How) -> Stage:
    """The stage that scores ``subject`` on ``benchmark``; it takes no inputs from other stages."""

    def compute(job: Job) -> None:
        """Scores with the adapter off, then on."""
        from counterpoise.evaluation.benchmarks import BENCHMARKS
        from counterpoise.evaluation.task import Task
        from counterpoise.likelihood.config import ScoringConfig
        from counterpoise.models.loading import load_model
        from counterpoise.validation import validated

        config = validated(ScoringConfig, vars(how).copy(), "evaluate")
        loaded = load_model(subject.model, config.precision or "fp32", adapter=subject.adapter)
        variants = ("base", "tuned") if subject.adapter else ("base",)
        results = {
            variant: BENCHMARKS[benchmark].run(Task(loaded, variant, config, job.progress), data)  # type: ignore[arg-type]
            for variant in variants
        }
        text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, default=float)
        (job.out / RESULT).write_text(text + "\n", encoding="utf-8")

    settings: dict[str, Any] = {"benchmark": benchmark, **vars(how)}
    resources = {"model": subject.model_sha256, "adapter": subject.adapter_sha256, "data": data_sha256}
    return Stage(
        name="evaluation",
        version=1,
        compute=compute,
        settings=lambda config: settings,
        resources=lambda config: resources,
        libraries=("torch", "transformers", "peft", "bitsandbytes"),
        timeout_s=6 * 3600,
        tags=("gpu",),
    )
