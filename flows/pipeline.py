"""The story, top to bottom: which stage feeds which. Used to run, to plan and to test."""

from __future__ import annotations

from typing import Any, Protocol

from counterpoise.config import RunConfig
from tasks.adapter import adapter
from tasks.base_model import base_model
from tasks.capability import capability
from tasks.counterfactuals import counterfactuals
from tasks.dataset import dataset
from tasks.generation_toxicity import generation_toxicity
from tasks.generations import generations
from tasks.neutral import neutral
from tasks.pairs import pairs
from tasks.preferences import preferences
from tasks.report import report
from tasks.scores import scores
from tasks.stage import Stage
from tasks.toxicity import toxicity


class Step(Protocol):
    """Does one stage and gives a handle that later stages take as input."""

    def __call__(self, stage: Stage, *, fold: int | None = None, **inputs: Any) -> Any:
        """The stage's handle."""


def pipeline(step: Step, config: RunConfig) -> Any:
    """From the benchmark to the report; one training for each fold that is held out."""
    model = step(base_model)
    sentences = step(neutral)
    paired = step(pairs, dataset=step(dataset))
    swaps = step(counterfactuals, pairs=paired)
    toxic = step(toxicity, pairs=paired, counterfactuals=swaps)
    preferred = step(preferences, pairs=paired, counterfactuals=swaps, toxicity=toxic)

    adapters, scored, capable = [], [], []
    for fold in config.pairs.evaluate:
        tuned = step(
            adapter,
            fold=fold,
            model=model,
            pairs=paired,
            counterfactuals=swaps,
            preferences=preferred,
            neutral=sentences,
        )
        adapters.append(tuned)
        scored.append(step(scores, fold=fold, model=model, adapter=tuned, pairs=paired))
        capable.append(step(capability, fold=fold, model=model, adapter=tuned, neutral=sentences))

    written = step(generations, model=model, adapter=adapters[0])
    written_toxicity = step(generation_toxicity, generations=written)
    return step(
        report,
        pairs=paired,
        counterfactuals=swaps,
        preferences=preferred,
        adapters=adapters,
        scores=scored,
        capability=capable,
        generations=written,
        generation_toxicity=written_toxicity,
    )
