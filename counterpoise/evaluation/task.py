"""What a benchmark is run on, and what every result says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterpoise.likelihood.config import ScoringConfig
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Progress, Variant, silent

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What a benchmark is run on.

    Attributes:
        loaded: the model.
        variant: ``base`` switches its adapter off, ``tuned`` on.
        config: prefix, normalisation and token budget.
        progress: told of distinct texts done and in all.
        questions: most questions of a benchmark that asks them, a category or a task; 0 for all, None for as many as a
            run asks.
    """

    loaded: LoadedModel
    variant: Variant
    config: ScoringConfig
    progress: Progress = silent
    questions: int | None = None

    @property
    def how(self) -> dict[str, Any]:
        """Arguments of the scoring functions."""
        return {
            "prefix": self.config.prefix,
            "token_budget": self.config.token_budget,
            "progress": self.progress,
        }


def labelled(benchmark: str, task: Task, result: Result) -> Result:
    """``result`` with its benchmark's name, and how and where it was computed."""
    where = {
        "variant": task.variant,
        "prefix": task.config.prefix,
        "precision": task.loaded.precision,
        "device": task.loaded.device.type,
    }
    return {"benchmark": benchmark} | result | where
