"""Neutral text, fetched, and split by hash into what training watches and what the report evaluates."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.tables import NEUTRAL
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.neutral.records import NeutralText
from counterpoise.neutral.select import parse_neutral, select_neutral
from counterpoise.sources.datasets import locate, source_hash

if TYPE_CHECKING:
    from counterpoise.config import RunConfig


def compute(job: Job) -> None:
    """Fetches the file and chooses the sentences."""
    config = job.config.capability
    file = locate(config.source, progress=job.progress)
    sentences = parse_neutral(file.read_bytes(), file.name)
    chosen = select_neutral(
        sentences, config.guard_texts, config.evaluation_texts, file.name, config.beginning_texts
    )
    job.write(NEUTRAL, [*chosen, *_about_groups(job, len(chosen))])


def _about_groups(job: Job, first: int) -> list[NeutralText]:
    """Sentences about groups that the erasure audit does not read, numbered from ``first``.

    The first words of each group's first ones are continued, with their swaps as the run's own engine makes them; the
    next are guarded,
    unless so few are left that their change would be noise: of the guard's limit, 15 sentences know no more than its
    sign.
    """
    sizes, benchmarks = job.config.capability, job.config.benchmarks
    if not _group_settings(job.config):
        return []
    from counterpoise.counterfactual import Engine
    from counterpoise.evaluation.group_sentences import load_group_sentences
    from counterpoise.neutral.groups import with_swaps

    folder = locate(benchmarks.groups, progress=job.progress)
    parts = [benchmarks.group_sentences, sizes.beginning_groups, sizes.guard_groups]
    _, held, watched = load_group_sentences(folder, parts)
    left = Counter(row.group for row in watched)
    texts = with_swaps([row.text for row in held], Engine.from_config(job.config.counterfactual))
    rows = [NeutralText(number, text, "beginning") for number, text in enumerate(texts, start=first)]
    return rows + [
        NeutralText(number, row.text, "group", row.group)
        for number, row in enumerate(
            (row for row in watched if 2 * left[row.group] >= sizes.guard_groups), start=first + len(rows)
        )
    ]


def _group_settings(config: RunConfig) -> dict[str, Any]:
    sizes = config.capability
    if not (config.benchmarks.groups and (sizes.beginning_groups or sizes.guard_groups)):
        return {}
    return {
        "beginning_groups": sizes.beginning_groups,
        "guard_groups": sizes.guard_groups,
        "group_sentences": config.benchmarks.group_sentences,
        "counterfactual": config.counterfactual,
    }


def _resources(config: RunConfig) -> dict[str, str]:
    file = {"file": source_hash(config.capability.source)}
    if not _group_settings(config):
        return file
    return {
        **file,
        "groups": source_hash(config.benchmarks.groups),
        "lexicon": lexicon_hash(config.counterfactual),
    }


neutral = Stage(
    name="neutral",
    version=3,
    compute=compute,
    settings=lambda config: {
        "guard_texts": config.capability.guard_texts,
        "evaluation_texts": config.capability.evaluation_texts,
        "beginning_texts": config.capability.beginning_texts,
        **_group_settings(config),
    },
    resources=_resources,
    tables=(NEUTRAL,),
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
