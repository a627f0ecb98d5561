"""The two toxicity stages' common part: classifiers over texts, in shards."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.artifacts.tables import TOXICITY
from counterpoise.engine.job import Job
from counterpoise.engine.shards import in_shards
from counterpoise.records import ToxicityScore

SHARD_TEXTS = 4096


def score_with(job: Job, classifiers: Sequence[str], texts: Sequence[str]) -> list[ToxicityScore]:
    """A row for each classifier and text, classifier by classifier."""
    return [row for number, spec in enumerate(classifiers) for row in _scored(job, number, spec, texts)]


def _scored(job: Job, number: int, spec: str, texts: Sequence[str]) -> list[ToxicityScore]:
    from counterpoise.sources.cache import default_cache
    from counterpoise.toxicity.classifiers import load_classifier
    from counterpoise.toxicity.scoring import score_texts

    classifier = load_classifier(spec, cache=default_cache())

    def scored(chunk: Sequence[str]) -> list[ToxicityScore]:
        scores = score_texts(classifier, chunk, batch_size=job.config.toxicity.batch_size)
        return [
            ToxicityScore(text, classifier.name, score) for text, score in zip(chunk, scores, strict=True)
        ]

    return in_shards(job, f"classifier{number}", texts, SHARD_TEXTS, scored, TOXICITY, ToxicityScore)


def identities(classifiers: Sequence[str]) -> dict[str, str]:
    """What pins each classifier's weights, for the cache key."""
    from counterpoise.toxicity.spec import identity

    return {f"classifier {number}": identity(spec) for number, spec in enumerate(classifiers)}
