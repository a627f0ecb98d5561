"""Every sentence and counterfactual → its toxicity by the filter's classifier."""

from __future__ import annotations

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import COUNTERFACTUALS, PAIRS, TOXICITY
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.engine.toxicity_scoring import identities, score_with
from counterpoise.pairs.folds import FoldedPair
from counterpoise.preferences.sentences import sentences
from counterpoise.records import Counterfactual


def compute(job: Job, pairs: Ref, counterfactuals: Ref) -> None:
    """Scores each distinct sentence once, with the first configured classifier."""
    texts = sentences(
        job.read(pairs, PAIRS, FoldedPair), job.read(counterfactuals, COUNTERFACTUALS, Counterfactual)
    )
    job.write(TOXICITY, score_with(job, job.config.toxicity.classifiers[:1], texts))


toxicity = Stage(
    name="toxicity",
    version=1,
    compute=compute,
    resources=lambda config: identities(config.toxicity.classifiers[:1]),
    tables=(TOXICITY,),
    libraries=("alt-profanity-check", "scikit-learn", "detoxify", "transformers", "torch"),
    retries=2,
    tags=("gpu", "network"),
)
