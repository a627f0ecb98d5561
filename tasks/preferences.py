"""Pairs, counterfactuals and toxicity → candidate preferences, each kept or dropped with its reason."""

from __future__ import annotations

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import COUNTERFACTUALS, PAIRS, PREFERENCES, TOXICITY
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.pairs.folds import FoldedPair
from counterpoise.preferences.build import build_preferences
from counterpoise.records import Counterfactual, ToxicityScore


def compute(job: Job, pairs: Ref, counterfactuals: Ref, toxicity: Ref) -> None:
    """Builds the candidates and filters them by the first configured classifier."""
    scores = job.read(toxicity, TOXICITY, ToxicityScore)
    by_text = {row.text: row.toxicity for row in scores if row.classifier == scores[0].classifier}
    rows = build_preferences(
        job.read(pairs, PAIRS, FoldedPair),
        job.read(counterfactuals, COUNTERFACTUALS, Counterfactual),
        by_text,
        job.config.preferences,
        job.seed,
    )
    job.write(PREFERENCES, rows)


preferences = Stage(
    name="preferences",
    version=1,
    compute=compute,
    settings=lambda config: {"preferences": config.preferences},
    tables=(PREFERENCES,),
    seeded=True,
)
