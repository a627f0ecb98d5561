"""`augment` over a cluster: the shards of one corpus as Prefect tasks on Dask workers (extra: ``dask``).

The work is `counterpoise.counterfactual.augment`'s own: this only decides where each shard runs. Source, target and the
folder of finished shards must be on storage that every worker mounts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from counterpoise.counterfactual.augment.formats import Format, Payload, format_of
from counterpoise.counterfactual.augment.job import Job
from counterpoise.counterfactual.augment.run import Outcome, augment, prepare
from counterpoise.counterfactual.augment.shards import process, summary_path
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.fluency import SentenceScorer
from counterpoise.errors import UsageError
from counterpoise.extras import extra_missing
from counterpoise.flows.embedded_server import prefect_server
from counterpoise.records import Progress, silent

AHEAD = 4
"""Shards on their way for each worker: enough to keep it busy, few enough that memory does not grow."""


class Sealed:
    """A shard's content on its way: Prefect and Dask look into collections, and would visit every line of it."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload


def augment_on(
    job: Job,
    runner: Any,
    workers: int,
    *,
    fresh: bool = False,
    progress: Progress = silent,
    score: SentenceScorer | None = None,
) -> Outcome:
    """As :func:`counterpoise.counterfactual.augment.run.augment`, its shards worked on by the runner's workers.

    A shard is written whole or not at all and finished ones are kept, so a worker that dies costs its shard and a
    killed run goes on where it was; the output has the bytes of a run in one process.

    Args:
        runner: a Prefect task runner, as ``prefect_dask.DaskTaskRunner``.
        workers: how many workers it has; bounds the shards in memory.
        score: the model of ``job.fluency``; called in this process, after all swaps.

    Raises:
        DataError, UsageError: as ``augment``; also when a shard has failed on every try.
        ServerError: a Prefect server is configured and does not answer.
    """
    job = replace(job, source=job.source.resolve(), target=job.target.resolve())
    with prefect_server():
        prepare(job, Engine.from_config(job.config).fingerprint, fresh)
        _distributed(runner)(job, AHEAD * workers, progress)
    return augment(job, progress=progress, score=score)


def _distributed(runner: Any) -> Any:
    @flow(name="augment", task_runner=runner, validate_parameters=False, persist_result=False)
    def distribute(job: Any, limit: int, progress: Any) -> None:
        """Hands out every shard that is not finished."""
        layout = format_of(job)
        total, done = layout.total(job), 0
        waiting: deque[Any] = deque()
        for number, payload in enumerate(layout.shards(job)):
            if not summary_path(job, number).exists():
                waiting.append(shard_task.submit(job, number, number * job.shard_rows, Sealed(payload)))
            while len(waiting) >= limit:
                waiting.popleft().result()
            done += layout.size(payload)
            progress(done, total)
        while waiting:
            waiting.popleft().result()

    return distribute


@task(
    name="shard",
    task_run_name="shard {number}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=1,
)
def shard_task(job: Job, number: int, first_row: int, sealed: Sealed) -> int:
    """Swaps one shard and commits it beside the others; its number."""
    layout, engine = _tools(job)
    process(job, layout, engine, number, first_row, sealed.payload)
    return number


@lru_cache(maxsize=1)
def _tools(job: Job) -> tuple[Format, Engine]:
    return format_of(job), Engine.from_config(job.config)


def dask_runner(where: str) -> tuple[Any, int]:
    """A Dask task runner and its number of workers.

    Args:
        where: a number of worker processes to start on this machine, or the address of a scheduler (``tcp://…``).

    Raises:
        UsageError: the extra is not installed, ``where`` is neither, or nothing answers there.
    """
    try:
        from distributed import Client
        from prefect_dask import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise extra_missing("dask", "--dask", str(error.name)) from None
    if where.isdigit() and int(where) > 0:
        count = int(where)
        cluster = {"n_workers": count, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
        return DaskTaskRunner(cluster_kwargs=cluster | {"host": "127.0.0.1"}), count
    if "://" not in where:
        raise UsageError(
            f"--dask {where!r}", "give a number of workers, or a scheduler's address tcp://HOST:PORT"
        )
    try:
        with Client(where, timeout=10) as client:
            count = len(client.scheduler_info()["workers"])
    except OSError as error:
        raise UsageError(f"no Dask scheduler answers at {where}: {error}", "start it first") from None
    return DaskTaskRunner(address=where), max(1, count)
