"""Neutral text, fetched, and split by hash into what training watches and what the report evaluates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.tables import NEUTRAL
from counterpoise.neutral.records import NeutralText
from counterpoise.neutral.select import parse_neutral, select_neutral
from counterpoise.sources.datasets import locate, source_hash
from tasks.job import Job
from tasks.stage import Stage

if TYPE_CHECKING:
    from counterpoise.config import RunConfig


def compute(job: Job) -> None:
    """Fetches the file and chooses the sentences."""
    config = job.config.capability
    file = locate(config.source, progress=job.progress)
    sentences = parse_neutral(file.read_bytes(), file.name)
    chosen = select_neutral(
        sentences, config.probe_texts, config.evaluation_texts, file.name, config.replay_texts
    )
    job.write(NEUTRAL, [*chosen, *_about_groups(job, len(chosen))])


def _about_groups(job: Job, first: int) -> list[NeutralText]:
    """Sentences about groups that the erasure audit does not read, numbered from ``first``."""
    most, benchmarks = job.config.capability.replay_groups, job.config.benchmarks
    if not (most and benchmarks.groups):
        return []
    from counterpoise.counterfactual import Engine
    from counterpoise.evaluation.group_sentences import load_group_sentences
    from counterpoise.neutral.groups import with_swaps

    folder = locate(benchmarks.groups, progress=job.progress)
    rows = load_group_sentences(folder, most, skip=benchmarks.group_sentences)
    texts = with_swaps([row.text for row in rows], Engine.from_config())
    return [NeutralText(number, text, "replay") for number, text in enumerate(texts, start=first)]


def _group_settings(config: RunConfig) -> dict[str, int]:
    if not (config.capability.replay_groups and config.benchmarks.groups):
        return {}
    return {
        "replay_groups": config.capability.replay_groups,
        "group_sentences": config.benchmarks.group_sentences,
    }


neutral = Stage(
    name="neutral",
    version=1,
    compute=compute,
    settings=lambda config: {
        "probe_texts": config.capability.probe_texts,
        "evaluation_texts": config.capability.evaluation_texts,
        "replay_texts": config.capability.replay_texts,
        **_group_settings(config),
    },
    resources=lambda config: {
        "file": source_hash(config.capability.source),
        **({"groups": source_hash(config.benchmarks.groups)} if _group_settings(config) else {}),
    },
    tables=(NEUTRAL,),
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
