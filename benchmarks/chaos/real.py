"""Kills inside the training of the real model: SmolLM2-135M in NF4, on a twelfth of CrowS-Pairs."""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.chaos.kills import Reference, Tally, killed_run, reference
from benchmarks.chaos.records import Moment, Work
from counterpoise.flows.configure import load_config
from counterpoise.sources.cache import default_cache
from counterpoise.sources.datasets import locate

ADAPTER = "adapter · fold 0"
EVERY_NTH_PAIR = 12
CHECKPOINT_EVERY = 2
"""Optimiser steps between checkpoints; the default is 20, and an hour has room for few steps."""
_MOST_STEPS, _MOST_CALLS = 3, 60


def kill_training(folder: Path, kills: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """At least ``kills`` kills in the training stage, over as many runs as it takes; figures."""
    work = _work(folder)
    known = reference(work)
    say(f"uninterrupted: training took {known.seconds[ADAPTER]:.0f} s")
    tally, noise = Tally(), random.Random(seed)
    while sum(tally.kills.values()) < kills:
        again = replace(work, store=str(_without_adapter(known.store, folder / "killed")))
        killed_run(again, known, _moments(known, noise), tally, most=kills)
        say(
            f"{sum(tally.kills.values())} kills in {tally.runs} runs; different: {tally.different or 'nothing'}"
        )
    return {**tally.to_json(), "training": _training(known)}


def _work(folder: Path) -> Work:
    """The default recipe on fewer pairs and texts, up to the adapter, at its whole strength."""
    folder.mkdir(parents=True, exist_ok=True)
    with locate("crows-pairs").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    pairs = folder / "some_pairs.csv"
    with pairs.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows[::EVERY_NTH_PAIR]])
    settings = (
        f"pairs.source={pairs}",
        f"alignment.checkpoint_every={CHECKPOINT_EVERY}",
        "alignment.optimisation.batch_pairs=8",
        "alignment.strength=1.0",
        "capability.guard_texts=8",
        "scoring.precision=nf4",
    )
    return Work(load_config("local", settings), str(folder / "whole"), default_cache(), until=ADAPTER)


def _moments(known: Reference, noise: random.Random) -> Iterator[Moment]:
    """Without end: in the preparation, inside a step, and while a checkpoint is written."""
    steps = _step_seconds(known)
    while True:
        how = noise.choice((signal.SIGKILL, signal.SIGTERM))
        if noise.random() < 0.5:
            yield Moment(ADAPTER, how, boundary=noise.randint(1, _MOST_CALLS))
            continue
        done = noise.randint(0, _MOST_STEPS)
        yield Moment(ADAPTER, how, after_s=noise.uniform(0.0, 2 * statistics.median(steps)), steps=done)


def _without_adapter(whole: Path, store: Path) -> Path:
    """The same store without its adapter; files are shared, nothing ever writes into one."""
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(whole, store, copy_function=os.link)
    for gone in ("manifests/adapter", "runs"):
        shutil.rmtree(store / gone)
    return store


def _step_seconds(known: Reference) -> list[float]:
    times = [event["at"] for event in known.life.of("moved") if event["stage"] == ADAPTER]
    return [after - before for before, after in pairwise(times)]


def _training(known: Reference) -> dict[str, float]:
    """What a step and a checkpoint cost, of the uninterrupted run, seconds."""
    steps = _step_seconds(known)
    saving = [event["seconds"] for event in known.life.of("checkpoint")]
    begun = next(event["at"] for event in known.life.of("computing") if event["stage"] == ADAPTER)
    first = next(event["at"] for event in known.life.of("moved") if event["stage"] == ADAPTER)
    return {
        "preparation_s": round(first - begun - statistics.median(steps), 1),
        "steps": len(steps) + 1,
        "stage_s": round(known.seconds[ADAPTER], 1),
        "step_s": round(statistics.median(steps), 3),
        "checkpoint_s": round(statistics.median(saving), 3),
        "checkpoints": len(saving),
        "checkpoint_every": CHECKPOINT_EVERY,
    }
