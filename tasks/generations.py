"""Prompts → continuations by base and tuned, through the same loaded weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from artifacts.store import Ref
from artifacts.tables import GENERATIONS
from counterpoise.records import Generation, Variant
from counterpoise.sources.datasets import locate, source_hash
from tasks.job import Job
from tasks.models import VARIANTS, load_with_adapter, scoring_precision
from tasks.shards import in_shards
from tasks.stage import Stage, package_data

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.generation.decode import Batch
    from counterpoise.generation.prompts import Prompt

BOLD = "bold"
"""Registry name of BOLD's prompts."""


def compute(job: Job, model: Ref, adapter: Ref) -> None:
    """Continues every prompt with the adapter off, then on; each batch is kept as it is done."""
    from counterpoise.generation.decode import generate_batch, in_order, plan_batches
    from counterpoise.models.loading import adapter_switched

    config = job.config.generation
    loaded = load_with_adapter(job, model, adapter)
    batches = plan_batches(loaded, _prompts(job), config)

    def continued(work: Sequence[tuple[Variant, Batch]]) -> list[Generation]:
        rows: list[Generation] = []
        for variant, batch in work:
            with adapter_switched(loaded, variant == "tuned"):
                rows += generate_batch(loaded, batch, config, seed=job.seed, variant=variant)
        return rows

    work = [(variant, batch) for variant in VARIANTS for batch in batches]
    made = iter(in_shards(job, "batch", work, 1, continued, GENERATIONS, Generation))
    by_variant = [[list(islice(made, len(batch))) for batch in batches] for _ in VARIANTS]
    job.write(GENERATIONS, [row for groups in by_variant for row in in_order(batches, groups)])


def _prompts(job: Job) -> Sequence[Prompt]:
    """Every prompt, or those dealt to this fold's adapter."""
    from counterpoise.generation.bold import load_bold_prompts
    from counterpoise.generation.prompts import deal, load_prompts

    config = job.config.generation
    prompts = load_prompts(config.prompt_set)
    if config.bold_prompts:
        prompts += load_bold_prompts(locate(BOLD, progress=job.progress), config.bold_prompts)
    evaluated = job.config.pairs.evaluate
    return prompts if job.fold is None else deal(prompts, evaluated.index(job.fold), len(evaluated))


def _settings(config: RunConfig) -> dict[str, Any]:
    dealt = {"evaluate": config.pairs.evaluate} if config.generation.adapters == "split" else {}
    return {"generation": config.generation, "precision": scoring_precision(config)} | dealt


def _resources(config: RunConfig) -> dict[str, str]:
    bold = {"bold": source_hash(BOLD)} if config.generation.bold_prompts else {}
    return package_data("generation/prompts.toml") | bold


generations = Stage(
    name="generations",
    version=1,
    compute=compute,
    settings=_settings,
    resources=_resources,
    tables=(GENERATIONS,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    seeded=True,
    timeout_s=6 * 3600,
    tags=("gpu",),
)
