"""Benchmark file and another data set → all of the first to judge, the second to train on, near-duplicates left out."""

from __future__ import annotations

from dataclasses import replace

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import PAIRS
from counterpoise.engine.job import Job
from counterpoise.pairs.parse import parse_pairs
from counterpoise.sources.datasets import locate, source_hash
from counterpoise.tasks.pairs import pairs


def compute(job: Job, dataset: Ref) -> None:
    """Reads both files and holds them against each other."""
    from counterpoise.pairs.training import read_training, transfer

    config = job.config.pairs
    file = job.folder(dataset) / dataset.files[0]
    judged = parse_pairs(file.read_bytes(), file.name)
    offered = read_training(locate(config.training_source, progress=job.progress))
    made = transfer(judged, offered, config, job.seed)
    job.write(PAIRS, made.pairs)
    job.says = f"{len(judged):,} to judge, {len(made.pairs) - len(judged):,} to train on"
    made.ledger.write(job.out)


training_pairs = replace(
    pairs,
    compute=compute,
    resources=lambda config: {"training": source_hash(config.pairs.training_source)},
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
