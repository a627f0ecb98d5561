"""Neutral sentences → log-probabilities by base and tuned: is it still a language model?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from artifacts.store import Ref
from artifacts.tables import CAPABILITY, NEUTRAL
from counterpoise.evaluation.neutral import Capability, NeutralText
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.likelihood.sentences import score_sentences
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model
from counterpoise.records import Variant
from tasks.job import Job
from tasks.precision import scoring_precision
from tasks.shards import in_shards
from tasks.stage import Stage

SHARD_TEXTS = 256
VARIANTS: tuple[Variant, ...] = ("base", "tuned")


def compute(job: Job, model: Ref, adapter: Ref, neutral: Ref) -> None:
    """Scores the sentences that nothing has looked at before."""
    loaded = load_model(job.folder(model), scoring_precision(job.config), adapter=job.folder(adapter))
    texts = [row for row in job.read(neutral, NEUTRAL, NeutralText) if row.part == "evaluation"]
    work = partial(_scored, loaded, job.config.scoring)
    rows = in_shards(job, "texts", texts, SHARD_TEXTS, work, CAPABILITY, Capability)
    job.write(CAPABILITY, rows)


def _scored(loaded: LoadedModel, config: ScoringConfig, texts: Sequence[NeutralText]) -> list[Capability]:
    rows: list[Capability] = []
    for variant in VARIANTS:
        with adapter_switched(loaded, variant == "tuned"):
            scores = score_sentences(
                loaded, [row.text for row in texts], prefix=config.prefix, token_budget=config.token_budget
            )
        rows += [
            Capability(row.text_id, variant, score.sum_log_prob, score.tokens)
            for row, score in zip(texts, scores, strict=True)
        ]
    return rows


capability = Stage(
    name="capability",
    version=1,
    compute=compute,
    settings=lambda config: {
        "prefix": config.scoring.prefix,
        "token_budget": config.scoring.token_budget,
        "precision": scoring_precision(config),
    },
    tables=(CAPABILITY,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    timeout_s=6 * 3600,
    tags=("gpu",),
)
