"""Held-out pairs → log-probabilities by base and tuned, through the same loaded weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from artifacts.store import Ref
from artifacts.tables import PAIRS, SCORES
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model
from counterpoise.pairs.folds import PairRow, from_rows, split_of
from counterpoise.records import Pair, PairScore, Variant
from tasks.job import Job
from tasks.precision import scoring_precision
from tasks.shards import in_shards
from tasks.stage import Stage

SHARD_PAIRS = 512
VARIANTS: tuple[Variant, ...] = ("base", "tuned")


def compute(job: Job, model: Ref, adapter: Ref, pairs: Ref) -> None:
    """Scores the pairs of the held-out fold with the adapter off and on."""
    config = job.config
    loaded = load_model(job.folder(model), scoring_precision(config), adapter=job.folder(adapter))
    held_out = [
        item.pair
        for item in from_rows(job.read(pairs, PAIRS, PairRow))
        if split_of(item.fold, job.fold or 0, config.pairs.folds) == "test"
    ]
    work = partial(_scored, loaded, config.scoring)
    rows = in_shards(job, "pairs", held_out, SHARD_PAIRS, work, SCORES, PairScore)
    job.write(SCORES, rows)


def _scored(loaded: LoadedModel, config: ScoringConfig, pairs: Sequence[Pair]) -> list[PairScore]:
    rows: list[PairScore] = []
    for variant in VARIANTS:
        with adapter_switched(loaded, variant == "tuned"):
            rows += score_pairs(loaded, pairs, variant, config)
    return rows


scores = Stage(
    name="scores",
    version=1,
    compute=compute,
    settings=lambda config: {
        "prefix": config.scoring.prefix,
        "token_budget": config.scoring.token_budget,
        "precision": scoring_precision(config),
        "folds": config.pairs.folds,
    },
    tables=(SCORES,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    timeout_s=6 * 3600,
    tags=("gpu",),
)
