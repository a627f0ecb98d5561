"""Neutral sentences and the base's own continuations → what base and tuned make of them: is it still that model?"""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import CAPABILITY, DIVERGENCE, GENERATIONS, NEUTRAL
from counterpoise.engine.job import Job
from counterpoise.engine.models import VARIANTS, load_with_adapter, scoring_settings
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.neutral.records import Capability, Divergence, NeutralText, OwnText
from counterpoise.records import Generation

SHARD_TEXTS = 256
OWN_TEXTS = 256
"""Continuations on which the divergence from the base is taken: its standard error is then about 2 %."""


def compute(job: Job, model: Ref, adapter: Ref, neutral: Ref, written: Ref) -> None:
    """Scores sentences that nothing has looked at before, and compares both on what the base wrote for the report."""
    from counterpoise.likelihood.own_text import own_text_divergences, read_again
    from counterpoise.likelihood.sentences import score_sentences
    from counterpoise.models.loading import adapter_switched

    scoring = job.config.scoring
    loaded = load_with_adapter(job, model, adapter)

    def scored(chunk: Sequence[NeutralText]) -> list[Capability]:
        rows: list[Capability] = []
        texts = [row.text for row in chunk]
        for variant in VARIANTS:
            with adapter_switched(loaded, variant == "tuned"):
                scores = score_sentences(
                    loaded, texts, prefix=scoring.prefix, token_budget=scoring.token_budget
                )
            rows += [
                Capability(row.text_id, variant, score.sum_log_prob, score.tokens)
                for row, score in zip(chunk, scores, strict=True)
            ]
        return rows

    texts = [row for row in job.read(neutral, NEUTRAL, NeutralText) if row.part == "evaluation"]
    job.write(CAPABILITY, in_shards(job, "texts", texts, SHARD_TEXTS, scored, CAPABILITY, Capability))

    def compared(chunk: Sequence[OwnText]) -> list[Divergence]:
        return own_text_divergences(loaded, chunk)

    sampled = [
        row
        for row in job.read(written, GENERATIONS, Generation)
        if row.sample >= job.config.generation.greedy
    ]
    own = read_again(loaded.tokenizer, sampled, OWN_TEXTS)
    job.write(DIVERGENCE, in_shards(job, "own texts", own, SHARD_TEXTS, compared, DIVERGENCE, Divergence))


capability = Stage(
    name="capability",
    version=1,
    compute=compute,
    settings=lambda config: scoring_settings(config) | {"greedy": config.generation.greedy},
    tables=(CAPABILITY, DIVERGENCE),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    timeout_s=6 * 3600,
    tags=("gpu",),
)
