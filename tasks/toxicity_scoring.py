"""The two toxicity stages' common part: classifiers over texts, in shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artifacts.tables import TOXICITY
from counterpoise.preferences.build import ToxicityScore
from counterpoise.sources.cache import default_cache
from counterpoise.toxicity.classifiers import load_classifier
from counterpoise.toxicity.config import ToxicityConfig
from counterpoise.toxicity.scoring import score_texts
from tasks.job import Job
from tasks.shards import in_shards

SHARD_TEXTS = 4096


def score_with(job: Job, classifiers: Sequence[str], texts: Sequence[str]) -> list[ToxicityScore]:
    """A row for each classifier and text, classifier by classifier."""
    rows: list[ToxicityScore] = []
    for number, spec in enumerate(classifiers):
        classifier = load_classifier(spec, cache=default_cache())

        def work(items: Sequence[str]) -> list[ToxicityScore]:
            scores = score_texts(classifier, items, batch_size=job.config.toxicity.batch_size)  # noqa: B023
            return [
                ToxicityScore(text, classifier.name, score)  # noqa: B023
                for text, score in zip(items, scores, strict=True)
            ]

        rows += in_shards(job, f"classifier{number}", texts, SHARD_TEXTS, work, TOXICITY, ToxicityScore)
    return rows


def toxicity_settings(config: ToxicityConfig, *, filter_only: bool) -> dict[str, Any]:
    """What decides the scores: the filter's classifier alone, or all of them."""
    return {"classifiers": config.classifiers[:1] if filter_only else config.classifiers}
