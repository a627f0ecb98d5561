"""Imports everything heavy once, without starting a thread, so that a forked life begins at once."""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path

from flows.prefect_settings import quiet_libraries

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
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
    "flows.pipeline",
)


def warm() -> None:
    """Imports what the stages import.

    Raises:
        RuntimeError: a thread runs already; a fork would lose it, and whatever lock it holds.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    quiet_libraries()
    for name in _MODULES:
        importlib.import_module(name)
    threads = _threads()
    if threads or threading.active_count() > 1:
        raise RuntimeError(
            f"threads run in the process that is to be forked ({', '.join(threads)}); start it afresh"
        )


def _threads() -> list[str]:
    """Names of this process's threads, but for the main one and Arrow's allocator, which outlives a fork."""
    tasks = sorted(Path("/proc/self/task").iterdir(), key=lambda task: int(task.name))
    names = [(task / "comm").read_text().strip() for task in tasks if int(task.name) != os.getpid()]
    return [name for name in names if name != "jemalloc_bg_thd"]
