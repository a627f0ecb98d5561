"""Neutral text, fetched, and split by hash into what training watches and what the report evaluates."""

from __future__ import annotations

from artifacts.tables import NEUTRAL
from counterpoise.neutral.select import parse_neutral, select_neutral
from counterpoise.sources.datasets import locate, source_hash
from tasks.job import Job
from tasks.stage import Stage


def compute(job: Job) -> None:
    """Fetches the file and chooses the sentences."""
    config = job.config.capability
    file = locate(config.source, progress=job.progress)
    sentences = parse_neutral(file.read_bytes(), file.name)
    chosen = select_neutral(
        sentences, config.probe_texts, config.evaluation_texts, file.name, config.replay_texts
    )
    job.write(NEUTRAL, chosen)


neutral = Stage(
    name="neutral",
    version=1,
    compute=compute,
    settings=lambda config: {
        "probe_texts": config.capability.probe_texts,
        "evaluation_texts": config.capability.evaluation_texts,
        "replay_texts": config.capability.replay_texts,
    },
    resources=lambda config: {"file": source_hash(config.capability.source)},
    tables=(NEUTRAL,),
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
