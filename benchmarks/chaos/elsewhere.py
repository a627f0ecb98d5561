"""Other places, other clocks, other processes: moved stores, another machine, concurrent runs, S3."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.life import Birth, live
from benchmarks.chaos.records import FINISHED, Life, Moment, Work

ADAPTER = "adapter · fold 0"
_DAY_S = 86_400.0


def moved_store(bench: Bench) -> None:
    """Killed inside training and among shards, the store's folder moves, and another machine's user goes on."""
    for number, stage in enumerate((ADAPTER, "generations")):
        work = bench.fresh("here")
        live(work, Moment(stage, signal.SIGKILL, after_s=0.0, steps=4))
        there = bench.folder / f"there-{number}"
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        shutil.move(work.store, there / "store")
        life = bench.finishes(replace(work, store=str(there / "store"), cache=there / "cache"), "moved store")
        _went_on(bench, life, stage, "moved store")
        bench.count("store moved to another folder and machine")


def moved_clock(bench: Bench) -> None:
    """The clock jumps a day back or forth between lives, and in the middle of one."""
    real = time.time
    for days in (-1, 1):

        def jump(days: int = days) -> None:
            time.time = lambda: real() + days * _DAY_S

        def jump_at(label: str, days: int = days) -> None:
            if label == "toxicity":
                jump(-days)

        work = bench.fresh("clock")
        live(replace(work, before=jump), Moment(ADAPTER, signal.SIGKILL, after_s=0.0, steps=3))
        life = live(
            replace(work, at_stage=jump_at), Moment("generations", signal.SIGKILL, after_s=0.0, steps=2)
        )
        if life.killed_in != "generations":
            bench.different.append(f"clock moved: the second life ended in {life.killed_in}: {life.error}")
        bench.finishes(work, "clock moved")
        bench.count("clock moved a day back" if days < 0 else "clock moved a day forward", 2)


def concurrent_runs(bench: Bench) -> None:
    """Two and four runs of one configuration at once; then four of which all but one are killed on the way."""
    for count, killed in ((2, 0), (4, 0), (4, 3)):
        work = bench.fresh("together")
        stages = list(bench.known.seconds)
        moments = [
            Moment(bench.noise.choice(stages[4:]), signal.SIGKILL, after_s=bench.noise.uniform(0.0, 1.0))
            if number < killed
            else None
            for number in range(count)
        ]
        lives = _together([replace(work, cache=work.cache / str(n)) for n in range(count)], moments)
        computed = Counter(
            event["stage"] for life in lives for event in life.of("finished") if event["state"] == "computed"
        )
        twice = [stage for stage, times in computed.items() if times > 1]
        survivors = [life for life, moment in zip(lives, moments, strict=True) if moment is None]
        fault = f"{count} runs at once" + (f", {killed} killed" if killed else "")
        bench.different += [f"{fault}: {life.error}" for life in survivors if life.code != FINISHED]
        if twice:
            bench.different.append(f"{fault}: computed more than once: {twice}")
        bench.same(Path(work.store), fault)
        bench.count(fault)


def shared_stages(bench: Bench) -> None:
    """Two different configurations at once compute what they share only once."""
    work = bench.fresh("shared")
    generation = work.config.generation.model_copy(update={"max_new_tokens": 3})
    other = replace(work, config=work.config.model_copy(update={"generation": generation}))
    lives = _together([work, other], [None, None])
    computed = [e["stage"] for life in lives for e in life.of("finished") if e["state"] == "computed"]
    # Of the second configuration only the texts, their toxicity and the report are its own.
    texts = ("generations-base", "generations", "generation-toxicity", "report")
    own = [stage for stage in texts if stage in bench.known.seconds]
    if sorted(computed) != sorted([*bench.known.seconds, *own]):
        bench.different.append(f"different configurations at once: computed {sorted(computed)}")
    bench.count("2 different configurations at once")


def object_storage(bench: Bench) -> None:
    """On S3: killed and asked to stop inside training on one machine, finished on another, while the server fails."""
    from tests.artifacts.s3_server import Fault, running

    with running() as server:
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        _make_bucket()
        for how in (signal.SIGKILL, signal.SIGTERM):
            folder = bench.folder / f"s3-{how.name}"
            shutil.rmtree(folder, ignore_errors=True)
            work = replace(bench.work, store=f"s3://chaos/{how.name}", cache=folder / "first")
            faults = [Fault("500", "PUT", times=2), Fault("503", "GET", times=2), Fault("reset", "GET"),
                      Fault("slow", "GET"), Fault("lie", "GET", "objects"), Fault("lost", "PUT")]  # fmt: skip
            server.faults += faults
            first = live(work, Moment(ADAPTER, how, after_s=0.0, steps=4))
            if first.killed_in != ADAPTER:
                bench.different.append(f"S3: the first machine ended in {first.killed_in}: {first.error}")
            second = live(replace(work, cache=folder / "second"))
            _went_on(bench, second, ADAPTER, "S3, another machine")
            if second.code != FINISHED:
                bench.different.append(f"S3, another machine: {second.error}")
            _download(work.store, folder / "copy")
            bench.same(folder / "copy", "S3, another machine")
            bench.count(f"S3: {how.name} in training, resumed by another machine")
        bench.count("S3: requests that failed, lied, were lost or slow", server.injected)


def _went_on(bench: Bench, life: Life, stage: str, fault: str) -> None:
    """The stage must not have begun from its start."""
    done = [event["done"] for event in life.of("moved") if event["stage"] == stage and event["done"]]
    if stage == ADAPTER and done and done[0] == 1:
        bench.different.append(f"{fault}: {stage} began from the start")


def _together(works: list[Work], moments: list[Moment | None]) -> list[Life]:
    """Lives at the same time: all begin, then each is watched by a thread of this process."""
    births = [Birth(work, moment) for work, moment in zip(works, moments, strict=True)]
    with ThreadPoolExecutor(len(births)) as pool:
        return list(pool.map(Birth.watched, births))


def _make_bucket() -> None:
    import s3fs

    s3fs.S3FileSystem().mkdir("chaos")


def _download(url: str, folder: Path) -> None:
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).get(url, str(folder), recursive=True)


ALL: Iterable[Callable[[Bench], None]] = (
    moved_store,
    moved_clock,
    concurrent_runs,
    shared_stages,
    object_storage,
)
