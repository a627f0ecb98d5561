"""The benchmark file, fetched from its pinned source."""

from __future__ import annotations

import shutil

from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.sources.datasets import locate, source_hash


def compute(job: Job) -> None:
    """Fetches the file and keeps it in the store."""
    file = locate(job.config.pairs.source, progress=job.progress)
    shutil.copyfile(file, job.out / file.name)


dataset = Stage(
    name="dataset",
    version=1,
    compute=compute,
    resources=lambda config: {"file": source_hash(config.pairs.source)},
    retries=2,
    timeout_s=1800,
    tags=("network",),
)
