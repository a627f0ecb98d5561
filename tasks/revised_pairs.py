"""A user's own revised edition of CrowS-Pairs → its usable pairs, each in the fold of the original pair."""

from __future__ import annotations

import json
from pathlib import Path

from counterpoise.artifacts.store import Ref
from counterpoise.artifacts.tables import PAIRS
from counterpoise.engine.job import Job
from counterpoise.engine.stage import Stage
from counterpoise.evaluation.crows_revised import parse_revised, with_original_folds
from counterpoise.pairs.folds import FoldedPair
from counterpoise.sources.datasets import locate, source_hash

LEFT_OUT = "left_out.json"
"""The rows that are not scored: the file's name for each, and the reason."""


def compute(job: Job, pairs: Ref) -> None:
    """Reads the file; a correction of a held-out pair is scored by the adapter that held that pair out."""
    file: Path = locate(job.config.benchmarks.revised_pairs, progress=job.progress)
    revised = parse_revised(file.read_bytes(), str(file))
    original = job.read(pairs, PAIRS, FoldedPair)
    kept, left_out = with_original_folds(revised, original)
    job.write(PAIRS, kept)
    (job.out / LEFT_OUT).write_text(
        json.dumps(left_out, ensure_ascii=False, indent=0) + "\n", encoding="utf-8"
    )


revised_pairs = Stage(
    name="revised-pairs",
    version=1,
    compute=compute,
    resources=lambda config: {"file": source_hash(config.benchmarks.revised_pairs)},
    tables=(PAIRS,),
    retries=2,
    tags=("network",),
)
