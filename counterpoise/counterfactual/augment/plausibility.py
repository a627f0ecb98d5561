"""Adds ``log_ratio`` and ``plausible`` to finished shards, and drops what is implausible when asked to."""

from __future__ import annotations

from pathlib import Path

from counterpoise.counterfactual.augment.formats import Format
from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.shards import data_path
from counterpoise.counterfactual.fluency import SentenceScorer, assess_pairs
from counterpoise.files import replacing
from counterpoise.records import Progress, silent


def score_shards(
    job: Job, layout: Format, count: int, score: SentenceScorer, progress: Progress = silent
) -> list[Path]:
    """The scored shards; those that a killed run had scored are kept."""
    paths = []
    for number in range(count):
        target = job.parts / f"{number:06d}.scored.{job.format}"
        if not target.exists():
            _score(job, layout, data_path(job, number), target, score)
        paths.append(target)
        progress(number + 1, count)
    return paths


def _score(job: Job, layout: Format, source: Path, target: Path, score: SentenceScorer) -> None:
    verdicts = assess_pairs(layout.pairs(job, source), score, job.min_log_ratio)
    with replacing(target) as draft:
        layout.write_scored(source, verdicts, job.drop_implausible, draft)
