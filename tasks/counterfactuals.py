"""Pairs → every directed identity swap of their sentences."""

from __future__ import annotations

from artifacts.store import Ref
from artifacts.tables import COUNTERFACTUALS, PAIRS
from counterpoise.counterfactual.corpus import swap_pairs
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.pairs.folds import PairRow, from_rows
from tasks.job import Job
from tasks.stage import Stage


def compute(job: Job, pairs: Ref) -> None:
    """Swaps both sentences of every pair along every configured axis."""
    rows = from_rows(job.read(pairs, PAIRS, PairRow))
    job.write(COUNTERFACTUALS, swap_pairs(rows, job.config.counterfactual, progress=job.progress))


counterfactuals = Stage(
    name="counterfactuals",
    version=1,
    compute=compute,
    settings=lambda config: {"counterfactual": config.counterfactual},
    resources=lambda config: {"lexicon": lexicon_hash(config.counterfactual)},
    tables=(COUNTERFACTUALS,),
)
