"""Runs an augmentation: shards in order to the workers, then one file, its statistics and a review page."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from counterpoise.counterfactual.augment.formats import Format, Payload, format_of
from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.plausibility import score_shards
from counterpoise.counterfactual.augment.review import review_page
from counterpoise.counterfactual.augment.shards import (
    data_path,
    merged_sample,
    process,
    summary_path,
)
from counterpoise.counterfactual.augment.statistics import Statistics, add
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.fluency import SentenceScorer
from counterpoise.errors import DataError, UsageError
from counterpoise.files import replacing
from counterpoise.records import Progress, silent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an augmentation left.

    Attributes:
        statistics: of every row.
        shards, resumed: how many shards there are, and how many a former run had finished.
        review: the page for human review.
    """

    statistics: Statistics
    shards: int
    resumed: int
    review: Path


def augment(
    job: Job,
    workers: int = 1,
    fresh: bool = False,
    progress: Progress = silent,
    score: SentenceScorer | None = None,
) -> Outcome:
    """Writes ``job.target`` and, beside it, ``.stats.json`` and ``.review.html``.

    A run that was killed is continued by calling this again with the same job: finished shards are kept, and the
    output has the same bytes as that of a run that was not killed.

    Args:
        workers: processes; 1 works in this one.
        fresh: throws the shards of an unfinished run away.
        score: the model of ``job.fluency``; called in this process, after all swaps.

    Raises:
        DataError: the input is not what it should be.
        UsageError: the two files do not fit, or an unfinished run of another job is in the way.
    """
    if not job.source.is_file():
        raise DataError(f"{job.source}: no such file", "check the path")
    layout = format_of(job)
    engine = Engine.from_config(job.config)
    engine.swap("", job.axes, job.direction)
    total = layout.total(job)
    prepare(job, engine.fingerprint, fresh)
    count, resumed = _work(job, layout, engine, workers, lambda done: progress(done, total))
    return _finish(job, layout, count, resumed, score)


def prepare(job: Job, fingerprint: str, fresh: bool) -> None:
    """The folder for the shards, marked as this job's.

    Raises:
        UsageError: an unfinished run of another job is there, or input and output are one file.
    """
    if job.source.resolve() == job.target.resolve():
        raise UsageError("input and output are the same file", "name another output")
    if fresh:
        shutil.rmtree(job.parts, ignore_errors=True)
    marker, identity = job.parts / "job.json", job.identity(fingerprint)
    other = marker.exists() and json.loads(marker.read_text(encoding="utf-8"))["identity"] != identity
    if other and any(job.parts.glob("*.summary.json")):
        raise UsageError(
            f"{job.parts} holds an unfinished run with other settings, input or lexicon",
            "repeat that command to finish it, or add --fresh to start over",
        )
    job.parts.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"identity": identity})
    with replacing(marker) as draft:
        draft.write_text(text, encoding="utf-8")


def _work(
    job: Job, layout: Format, engine: Engine, workers: int, told: Callable[[int], None]
) -> tuple[int, int]:
    """Every shard that is not complete yet; the number of shards and of those that were."""
    done, count, resumed = 0, 0, 0
    with _Pool(job, layout, engine, workers) as pool:
        for number, first_row, payload in _numbered(job, layout):
            count += 1
            if summary_path(job, number).exists():
                resumed += 1
            else:
                pool.submit(number, first_row, payload)
            done += layout.size(payload)
            told(done)
    return count, resumed


def _numbered(job: Job, layout: Format) -> Iterator[tuple[int, int, Payload]]:
    for number, payload in enumerate(layout.shards(job)):
        yield number, number * job.shard_rows, payload


class _Pool:
    """Processes with a bounded queue, so that memory does not grow with the input; one worker runs in line."""

    def __init__(self, job: Job, layout: Format, engine: Engine, workers: int) -> None:
        self._job, self._layout, self._engine = job, layout, engine
        self._limit = 2 * workers
        self._waiting: deque[Future[None]] = deque()
        self._executor = (
            ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(job,))
            if workers > 1
            else None
        )

    def __enter__(self) -> _Pool:
        return self

    def submit(self, number: int, first_row: int, payload: Payload) -> None:
        """Hands a shard over, waiting while too many are on their way."""
        if self._executor is None:
            process(self._job, self._layout, self._engine, number, first_row, payload)
            return
        while len(self._waiting) >= self._limit:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(_one, number, first_row, payload))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._executor is None:
            return
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._executor.shutdown(cancel_futures=True)


_worker: dict[str, tuple[Job, Format, Engine]] = {}


def _start(job: Job) -> None:
    _worker["here"] = (job, format_of(job), Engine.from_config(job.config))


def _one(number: int, first_row: int, payload: Payload) -> None:
    job, layout, engine = _worker["here"]
    process(job, layout, engine, number, first_row, payload)


def _finish(job: Job, layout: Format, count: int, resumed: int, score: SentenceScorer | None) -> Outcome:
    statistics = add(Statistics.from_json(summary["statistics"]) for summary in _summaries(job, count))
    if not count:
        raise DataError(f"{job.source}: no rows", "give a file with at least one row")
    shards = score_shards(job, layout, count, score) if score else [data_path(job, n) for n in range(count)]
    with replacing(job.target) as draft:
        layout.join(shards, draft)
    stats = json.dumps(statistics.as_json(), ensure_ascii=False, indent=1)
    with replacing(job.target.with_suffix(".stats.json")) as draft:
        draft.write_text(stats, encoding="utf-8")
    review = job.target.with_suffix(".review.html")
    sample = merged_sample((summary["sample"] for summary in _summaries(job, count)), job.sample)
    page = review_page(sample, statistics, job.source.name)
    with replacing(review) as draft:
        draft.write_text(page, encoding="utf-8", errors="replace")
    shutil.rmtree(job.parts)
    return Outcome(statistics, count, resumed, review)


def _summaries(job: Job, count: int) -> Iterator[dict[str, Any]]:
    """One at a time: thousands of shards' samples do not fit in memory together."""
    for number in range(count):
        yield json.loads(summary_path(job, number).read_text(encoding="utf-8"))
