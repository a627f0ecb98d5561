"""Continuations → their toxicity by every configured classifier."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import GENERATIONS, TOXICITY
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.engine.toxicity_scoring import identities, score_with
from counterpoise.records import Generation


def compute(job: Job, generations: Sequence[Ref]) -> None:
    """Scores prompt and continuation together, as a reader meets them, and the continuation alone."""
    rows = [row for ref in generations for row in job.read(ref, GENERATIONS, Generation)]
    texts = sorted({row.prompt + row.text for row in rows} | {row.text for row in rows})
    job.write(TOXICITY, score_with(job, job.config.toxicity.classifiers, texts))


generation_toxicity = Stage(
    name="generation-toxicity",
    version=1,
    compute=compute,
    resources=lambda config: identities(config.toxicity.classifiers),
    tables=(TOXICITY,),
    libraries=("alt-profanity-check", "scikit-learn", "detoxify", "transformers", "torch"),
    retries=2,
    tags=("gpu", "network"),
)
