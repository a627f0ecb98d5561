"""Prompts → continuations by base and tuned, through the same loaded weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from artifacts.store import Ref
from artifacts.tables import GENERATIONS
from counterpoise.generation.decode import Batch, generate_batch, in_order, plan_batches
from counterpoise.generation.prompts import load_prompts
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model
from counterpoise.records import Generation, Variant
from tasks.job import Job
from tasks.precision import scoring_precision
from tasks.shards import in_shards
from tasks.stage import Stage

VARIANTS: tuple[Variant, ...] = ("base", "tuned")


def compute(job: Job, model: Ref, adapter: Ref) -> None:
    """Continues every prompt with the adapter off, then on; each batch is kept as it is done."""
    config = job.config.generation
    loaded = load_model(job.folder(model), scoring_precision(job.config), adapter=job.folder(adapter))
    batches = plan_batches(loaded, load_prompts(config.prompt_set), config)
    work = [(variant, batch) for variant in VARIANTS for batch in batches]

    def one(items: Sequence[tuple[Variant, Batch]]) -> list[Generation]:
        return [row for variant, batch in items for row in _continued(job, loaded, variant, batch)]

    rows = iter(in_shards(job, "batch", work, 1, one, GENERATIONS, Generation))
    for_variant = [[list(islice(rows, len(batch))) for batch in batches] for _ in VARIANTS]
    job.write(GENERATIONS, [row for made in for_variant for row in in_order(batches, made)])


def _continued(job: Job, loaded: LoadedModel, variant: Variant, batch: Batch) -> list[Generation]:
    with adapter_switched(loaded, variant == "tuned"):
        return generate_batch(loaded, batch, job.config.generation, seed=job.seed, variant=variant)


generations = Stage(
    name="generations",
    version=1,
    compute=compute,
    settings=lambda config: {"generation": config.generation, "precision": scoring_precision(config)},
    tables=(GENERATIONS,),
    libraries=("torch", "transformers", "peft", "bitsandbytes"),
    seeded=True,
    timeout_s=6 * 3600,
    tags=("gpu",),
)
