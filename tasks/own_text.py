"""Neutral beginnings → what the base itself writes after them, which training holds the model to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import NEUTRAL, OWN_TEXT
from counterpoise.engine.job import Job
from counterpoise.engine.models import load_for_scoring, scoring_precision
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage
from counterpoise.neutral.records import NeutralText, OwnText

if TYPE_CHECKING:
    from counterpoise.generation.decode import Batch
    from counterpoise.neutral.own_text import Part


def compute(job: Job, model: Ref, neutral: Ref) -> None:
    """Continues the beginnings at the precision that the model is judged in; each batch is kept as it is done."""
    from counterpoise.models.abreast import abreast
    from counterpoise.neutral.own_text import numbered, plan, write

    texts = job.read(neutral, NEUTRAL, NeutralText)
    loaded = load_for_scoring(job, model, None)

    def written(work: Sequence[tuple[Part, Batch]]) -> list[OwnText]:
        return [row for part, batch in work for row in write(loaded, batch, part, job.seed)]

    each = partial(abreast, loaded.model)
    rows = in_shards(job, "batch", plan(loaded, texts), 1, written, OWN_TEXT, OwnText, each)
    job.write(OWN_TEXT, numbered(rows))


own_text = Stage(
    name="own-text",
    version=1,
    compute=compute,
    settings=lambda config: {"precision": scoring_precision(config)},
    tables=(OWN_TEXT,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    seeded=True,
    timeout_s=6 * 3600,
    tags=("gpu",),
)
