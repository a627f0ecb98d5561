"""Held-out pairs → log-probabilities by base and tuned, through the same loaded weights, read in three ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import PAIRS, SCORES
from counterpoise.engine.job import Job
from counterpoise.engine.models import VARIANTS, load_with_adapter, scoring_settings
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.pairs.folds import FoldedPair, split_of
from counterpoise.records import Pair, PairScore

SHARD_PAIRS = 512


def compute(job: Job, model: Ref, adapter: Ref, pairs: Ref) -> None:
    """Scores the pairs of the held-out fold with the adapter off and on."""
    from counterpoise.likelihood.pairs import (
        identity_scores,
        score_pair_details,
        shared_scores,
        whole_scores,
    )

    scoring = job.config.scoring
    loaded = load_with_adapter(job, model, adapter)

    def scored(chunk: Sequence[Pair]) -> list[PairScore]:
        rows: list[PairScore] = []
        for variant in VARIANTS:
            details = score_pair_details(
                loaded, chunk, variant, prefix=scoring.prefix, token_budget=scoring.token_budget
            )
            rows += [*whole_scores(details), *shared_scores(details), *identity_scores(details)]
        return rows

    held_out = [
        pair
        for pair in job.read(pairs, PAIRS, FoldedPair)
        if split_of(pair.fold, job.held_out_fold, job.config.pairs.folds) == "test"
    ]
    job.write(SCORES, in_shards(job, "pairs", held_out, SHARD_PAIRS, scored, SCORES, PairScore))


scores = Stage(
    name="scores",
    version=1,
    compute=compute,
    settings=lambda config: scoring_settings(config) | {"folds": config.pairs.folds},
    tables=(SCORES,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    timeout_s=6 * 3600,
    tags=("gpu",),
)
revised_scores = replace(scores, name="revised-scores")
