"""Prompts → continuations, by the base once and by each adapter that answers.

The base's texts do not depend on any adapter: other folds and recipes with the same seed find them cached.
Where a prompt is answered by both, the draws are the same ones (see :mod:`counterpoise.generation.decode`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import GENERATIONS, NEUTRAL
from counterpoise.engine.job import Job
from counterpoise.engine.models import load_for_scoring, scoring_precision
from counterpoise.engine.shards import in_shards
from counterpoise.engine.stage import Stage, package_data
from counterpoise.neutral.records import NeutralText
from counterpoise.records import Generation, Variant
from counterpoise.settings import deciding
from counterpoise.sources.datasets import locate, source_hash

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.generation.decode import Batch
    from counterpoise.generation.prompts import Prompt
    from counterpoise.models.loading import LoadedModel

BOLD = "bold"
"""Registry name of BOLD's prompts."""


def compute(job: Job, model: Ref, neutral: Ref, adapter: Ref | None = None) -> None:
    """Continues every prompt, with the adapter on where one is given."""
    prompts = prompts_of(job, neutral)  # first, as a retry of the fetch must not load the model again
    continue_prompts(job, load_for_scoring(job, model, adapter), prompts, "tuned" if adapter else "base")


def continue_prompts(job: Job, loaded: LoadedModel, prompts: Sequence[Prompt], variant: Variant) -> None:
    """Continues the prompts and writes the table; each batch is kept as it is done."""
    from counterpoise.generation.decode import generate_batch, in_order, plan_batches
    from counterpoise.models.abreast import abreast

    config = job.config.generation
    batches = plan_batches(loaded, prompts, config)

    def continued(work: Sequence[Batch]) -> list[Generation]:
        return [
            row
            for batch in work
            for row in generate_batch(loaded, batch, config, seed=job.seed, variant=variant)
        ]

    each = partial(abreast, loaded.model)
    made = iter(in_shards(job, "batch", batches, 1, continued, GENERATIONS, Generation, each))
    job.write(GENERATIONS, in_order(batches, [list(islice(made, len(batch))) for batch in batches]))


def prompts_of(job: Job, neutral: Ref) -> Sequence[Prompt]:
    """Every prompt, or those dealt to this fold's adapter."""
    from counterpoise.generation.bold import load_bold_prompts
    from counterpoise.generation.prompts import deal, load_prompts, neutral_prompts
    from counterpoise.neutral.beginnings import beginnings

    config = job.config.generation
    prompts = load_prompts(config.prompt_set)
    sentences = [row.text for row in job.read(neutral, NEUTRAL, NeutralText) if row.part == "evaluation"]
    prompts += neutral_prompts(beginnings(sentences[: config.neutral_prompts]))
    if config.bold_prompts:
        prompts += load_bold_prompts(locate(BOLD, progress=job.progress), config.bold_prompts)
    if job.fold is None or config.adapters != "split":
        return prompts
    evaluated = job.config.pairs.evaluate
    return deal(prompts, evaluated.index(job.fold), len(evaluated))


def _settings(config: RunConfig) -> dict[str, Any]:
    """What decides the base's texts; who else answers does not."""
    generation = deciding(config.generation)
    del generation["adapters"], generation["random_adapter"]
    return {"generation": generation, "precision": scoring_precision(config)}


def _settings_of_adapter(config: RunConfig) -> dict[str, Any]:
    dealt = {"evaluate": config.pairs.evaluate} if config.generation.adapters == "split" else {}
    return _settings(config) | dealt


def _resources(config: RunConfig) -> dict[str, str]:
    bold = {"bold": source_hash(BOLD)} if config.generation.bold_prompts else {}
    return package_data("generation/prompts.toml") | bold


generations_base = Stage(
    name="generations-base",
    version=2,
    compute=compute,
    settings=_settings,
    resources=_resources,
    tables=(GENERATIONS,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    seeded=True,
    retries=2,
    timeout_s=6 * 3600,
    tags=("gpu", "network"),
)
generations = replace(generations_base, name="generations", version=3, settings=_settings_of_adapter)
