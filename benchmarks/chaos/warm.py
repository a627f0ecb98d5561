"""Imports everything heavy once, without starting a thread, so that a forked life begins at once."""

from __future__ import annotations

import importlib
import os
import threading
from contextlib import suppress
from pathlib import Path

from benchmarks.chaos.records import Life, Work
from counterpoise.engine import execute, runlog
from counterpoise.engine.provenance import git_state
from counterpoise.engine.stage import Stage, _code
from counterpoise.flows.prefect_settings import quiet_libraries

_MODULES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "bitsandbytes",
    "sklearn.linear_model",
    "profanity_check",
    "counterpoise.alignment.run",
    "counterpoise.generation.decode",
    "counterpoise.models.tiny",
    "counterpoise.models.convert",
    "counterpoise.report.build",
    "counterpoise.flows.pipeline",
)


def warm() -> None:
    """Imports what the stages import, as far as it is known before one has run.

    Raises:
        RuntimeError: a thread runs already; a fork would lose it, and whatever lock it holds.
    """
    quiet_libraries()
    for name in _MODULES:
        importlib.import_module(name)
    refuse_threads()


def refuse_threads() -> None:
    """Raises :class:`RuntimeError` when this process has threads besides its own."""
    threads = _threads()
    if threads or threading.active_count() > 1:
        raise RuntimeError(
            f"threads run in the process that is to be forked ({', '.join(threads)}); start it afresh"
        )


def learn(life: Life, work: Work) -> None:
    """Imports what an uninterrupted life imported, hashes the stages' code and asks git: once for all lives."""
    for event in life.of("modules"):
        for name in event["names"]:
            with suppress(ImportError):  # some are made while a library loads and have no file of their own
                importlib.import_module(name)
    refuse_threads()
    work.pipeline(_hash_code, work.config)
    state = git_state()
    execute.git_state = runlog.git_state = lambda: dict(state)  # type: ignore[attr-defined]


def _hash_code(stage: Stage, **_: object) -> None:
    """A step of the pipeline that only hashes the stage's code, which is remembered."""
    _code(stage.compute.__module__)


def _threads() -> list[str]:
    """Names of this process's threads, but for the main one and Arrow's allocator, which outlives a fork."""
    tasks = sorted(Path("/proc/self/task").iterdir(), key=lambda task: int(task.name))
    names = [(task / "comm").read_text().strip() for task in tasks if int(task.name) != os.getpid()]
    return [name for name in names if name != "jemalloc_bg_thd"]
