"""Pairs → every directed identity swap of their sentences."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import COUNTERFACTUALS, PAIRS
from counterpoise.counterfactual.corpus import swap_pairs
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.engine.job import Job
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Counterfactual

SHARD_PAIRS = 512


def compute(job: Job, pairs: Ref) -> None:
    """Swaps both sentences of every pair along every configured axis."""
    rows = job.read(pairs, PAIRS, FoldedPair)

    def swapped(chunk: Sequence[FoldedPair]) -> list[Counterfactual]:
        return swap_pairs(chunk, job.config.counterfactual)

    job.write(
        COUNTERFACTUALS, in_shards(job, "pairs", rows, SHARD_PAIRS, swapped, COUNTERFACTUALS, Counterfactual)
    )


counterfactuals = Stage(
    name="counterfactuals",
    version=1,
    compute=compute,
    settings=lambda config: {"counterfactual": config.counterfactual},
    resources=lambda config: {"lexicon": lexicon_hash(config.counterfactual)},
    tables=(COUNTERFACTUALS,),
    retries=2,
    tags=("network",),
)
