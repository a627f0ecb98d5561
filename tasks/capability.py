"""Neutral sentences → log-probabilities by base and tuned: is it still a language model?"""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import CAPABILITY, NEUTRAL
from counterpoise.engine.job import Job
from counterpoise.engine.models import VARIANTS, load_with_adapter, scoring_settings
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.neutral.records import Capability, NeutralText

SHARD_TEXTS = 256


def compute(job: Job, model: Ref, adapter: Ref, neutral: Ref) -> None:
    """Scores the sentences that nothing has looked at before."""
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


capability = Stage(
    name="capability",
    version=1,
    compute=compute,
    settings=scoring_settings,
    tables=(CAPABILITY,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    timeout_s=6 * 3600,
    tags=("gpu",),
)
