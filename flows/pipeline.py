"""The story, top to bottom: which stage feeds which. Used to run, to plan and to test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from counterpoise.config import RunConfig
from counterpoise.engine.stage import Stage
from counterpoise.evaluation.config import sources_of
from counterpoise.tasks.adapter import adapter
from counterpoise.tasks.base_model import base_model
from counterpoise.tasks.benchmarks import benchmarks, benchmarks_base
from counterpoise.tasks.capability import capability
from counterpoise.tasks.counterfactuals import counterfactuals
from counterpoise.tasks.dataset import dataset
from counterpoise.tasks.generation_toxicity import generation_toxicity
from counterpoise.tasks.generations import generations, generations_base
from counterpoise.tasks.generations_null import generations_null
from counterpoise.tasks.neutral import neutral
from counterpoise.tasks.own_text import own_text
from counterpoise.tasks.pairs import pairs
from counterpoise.tasks.preferences import preferences
from counterpoise.tasks.preflight import preflight
from counterpoise.tasks.publication import publication
from counterpoise.tasks.report import report
from counterpoise.tasks.revised_pairs import revised_pairs
from counterpoise.tasks.scores import revised_scores, scores
from counterpoise.tasks.toxicity import toxicity
from counterpoise.tasks.training_pairs import training_pairs


class Step(Protocol):
    """Does one stage and gives a handle that later stages take as input."""

    def __call__(self, stage: Stage, *, fold: int | None = None, **inputs: Any) -> Any:
        """The stage's handle."""


def pipeline(step: Step, config: RunConfig) -> Any:
    """From the benchmark to the report; one training for each fold that is held out."""
    model = step(base_model)
    sentences = step(neutral)
    paired = step(training_pairs if config.pairs.training_source else pairs, dataset=step(dataset))
    swaps = step(counterfactuals, pairs=paired)
    fit = step(preflight, model=model, pairs=paired, counterfactuals=swaps, neutral=sentences)
    written_before = step(own_text, model=model, neutral=sentences)
    toxic = step(toxicity, pairs=paired, counterfactuals=swaps)
    preferred = step(preferences, pairs=paired, counterfactuals=swaps, toxicity=toxic)

    revised = step(revised_pairs, pairs=paired) if config.benchmarks.revised_pairs else None

    written = [step(generations_base, model=model, neutral=sentences)]
    adapters, scored, corrected, capable, measured = [], [], [], [], []
    for fold in config.pairs.evaluate:
        tuned = step(
            adapter,
            fold=fold,
            model=model,
            fit=fit,
            pairs=paired,
            counterfactuals=swaps,
            preferences=preferred,
            neutral=sentences,
            own_text=written_before,
        )
        adapters.append(tuned)
        scored.append(step(scores, fold=fold, model=model, adapter=tuned, pairs=paired))
        capable.append(
            step(capability, fold=fold, model=model, adapter=tuned, neutral=sentences, written=written[0])
        )
        if revised is not None:
            corrected.append(step(revised_scores, fold=fold, model=model, adapter=tuned, pairs=revised))
        measured += _benchmarks(step, config, fold, model, tuned)

    written += _generations(step, config, model, sentences, adapters)
    null = []
    if config.generation.random_adapter:
        with_random = {
            "model": model,
            "adapter": adapters[0],
            "own_text": written_before,
            "neutral": sentences,
        }
        null = [step(generations_null, fold=config.pairs.evaluate[0], **with_random)]
    reported = step(
        report,
        fit=[fit],
        pairs=paired,
        counterfactuals=swaps,
        preferences=preferred,
        adapters=adapters,
        scores=scored,
        capability=capable,
        benchmarks=measured,
        revised=[] if revised is None else [revised, *corrected],
        generations=written,
        null=null,
        generation_toxicity=[step(generation_toxicity, generations=written)],
    )
    if config.publish.to:
        step(publication, model=model, adapter=adapters[0], report=reported)
    return reported


def _benchmarks(step: Step, config: RunConfig, fold: int, model: Any, tuned: Any) -> list[Any]:
    """Base and tuned on this adapter's share of the other benchmarks; a base that answers all does so once."""
    if not sources_of(config.benchmarks):
        return []
    by_adapter = step(benchmarks, fold=fold, model=model, adapter=tuned)
    if config.benchmarks.share == "split":
        return [step(benchmarks_base, fold=fold, model=model), by_adapter]
    first = fold == config.pairs.evaluate[0]
    return [step(benchmarks_base, model=model), by_adapter] if first else [by_adapter]


def _generations(
    step: Step, config: RunConfig, model: Any, sentences: Any, adapters: Sequence[Any]
) -> list[Any]:
    """Continuations by the first adapter or by every adapter."""
    if config.generation.adapters == "first":
        return [step(generations, model=model, neutral=sentences, adapter=adapters[0])]
    folds = zip(config.pairs.evaluate, adapters, strict=True)
    return [
        step(generations, fold=fold, model=model, neutral=sentences, adapter=tuned) for fold, tuned in folds
    ]
