"""Benchmark file → validated pairs with folds."""

from __future__ import annotations

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import PAIRS
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.pairs.folds import assign_folds
from counterpoise.pairs.parse import parse_pairs


def compute(job: Job, dataset: Ref) -> None:
    """Parses the CSV and assigns folds."""
    file = job.folder(dataset) / dataset.files[0]
    pairs = parse_pairs(file.read_bytes(), file.name)
    job.write(PAIRS, assign_folds(pairs, job.config.pairs, job.seed))


pairs = Stage(
    name="pairs",
    version=1,
    compute=compute,
    settings=lambda config: {
        "method": config.pairs.method,
        "folds": config.pairs.folds,
        "context_similarity": config.pairs.context_similarity,
    },
    tables=(PAIRS,),
    libraries=("numpy", "scikit-learn", "datasets"),
    seeded=True,
)
