"""Looks a stage up in the store and computes it if it isn't there. Knows nothing of Prefect."""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from counterpoise.artifacts.keys import Change, KeyParts, explain
from counterpoise.artifacts.lease import Waiting
from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.job import Job
from counterpoise.engine.provenance import git_state
from counterpoise.engine.stage import Inputs, Stage, flat
from counterpoise.engine.stopping import stopping
from counterpoise.errors import CounterpoiseError
from counterpoise.memory import is_out_of_memory
from counterpoise.records import Progress, silent

SAYS = "says"
"""The fact in a manifest that tells people what the stage came to."""
NAMED = 8
"""Components of a key that are named at most where a stage says why it runs."""
LEASE_TTL_S = 120.0
"""A holder that has not renewed its lease for this long is taken for dead."""


@dataclass(frozen=True)
class Outcome:
    """What became of one stage.

    Attributes:
        state: ``computed`` now, or ``cached`` from an earlier run.
        reason: why it had to be computed, and which earlier try's work it went on from; empty when cached.
        seconds: wall-clock time, including the look-up.
        says: what the stage says of its result, in a few words; empty where it says nothing.
    """

    label: str
    stage: str
    fold: int | None
    state: Literal["computed", "cached"]
    ref: Ref
    seconds: float
    reason: str = ""
    says: str = ""

    def to_json(self) -> dict[str, Any]:
        """The row of this stage in ``run --json`` and in the run record."""
        return {
            "stage": self.label,
            "state": self.state,
            "key": self.ref.key,
            "sha256": self.ref.sha256,
            "rows": self.ref.rows,
            "seconds": round(self.seconds, 3),
            "why": self.reason,
            "ref": asdict(self.ref),
        }


def execute(
    stage: Stage,
    config: RunConfig,
    store: Store,
    inputs: Inputs,
    *,
    fold: int | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] = lambda: False,
    on_wait: Callable[[str], None] = lambda owner: None,
) -> Outcome:
    """The stage's artifact: from the store when it is there and sound, else computed and committed.

    Two processes that want the same stage take turns on a lease; the second finds the first one's result.

    Args:
        should_stop: whether the process was asked to stop.
        on_wait: told which process (host:pid) is computing the stage when this one has to wait for it.

    Raises:
        Stopped: asked to stop.
    """
    started = time.perf_counter()
    parts = stage.key_parts(config, fold, inputs)

    def outcome(state: Literal["computed", "cached"], ref: Ref, reason: str = "") -> Outcome:
        seconds = time.perf_counter() - started
        says = str(store.manifest(stage.name, parts.key).facts.get(SAYS, ""))
        return Outcome(stage.label(fold), stage.name, fold, state, ref, seconds, reason, says)

    found = store.lookup(stage.name, parts.key)
    if isinstance(found, Ref):
        return outcome("cached", found)
    needs = [ref for _, ref in flat(inputs)]
    waiting = Waiting(on_wait=on_wait, should_stop=should_stop)
    with store.lease(stage.name, parts.key, LEASE_TTL_S, _owner(), needs=needs, waiting=waiting):
        again = store.lookup(stage.name, parts.key)
        if isinstance(again, Ref):
            return outcome("cached", again)
        reason = why_missing(store, parts, found)
        ref, taken_up = _compute(stage, config, store, inputs, parts, fold, progress, should_stop)
    return outcome("computed", ref, f"{reason}; {taken_up}" if taken_up else reason)


def why_missing(store: Store, parts: KeyParts, miss: Miss) -> str:
    """Why there is no hit: damage, or the components that changed since the nearest earlier computation."""
    if miss.damaged:
        return miss.reason
    nearest = store.nearest(parts)
    if nearest is None:
        return "first time"
    changes = explain(nearest.parts, parts)
    return named(changes) if changes else miss.reason


def named(changes: Sequence[Change]) -> str:
    """Which components of a key changed, for people: what they set themselves first, and never a screen of modules."""
    names = [
        f"{change.component} {change.name}".strip()
        for change in sorted(changes, key=lambda change: change.component == "code")
    ]
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return "changed: " + ", ".join([*names[:NAMED], *more])


def _compute(
    stage: Stage,
    config: RunConfig,
    store: Store,
    inputs: Inputs,
    parts: KeyParts,
    fold: int | None,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> tuple[Ref, str]:
    """The committed artifact, and what of an earlier try was taken up for it."""
    started = time.time()
    with (
        closing(store.scratch(stage.name, parts.key)) as scratch,
        store.draft(stage.name, parts.key) as draft,
    ):
        stops = stopping(progress, should_stop)
        job = Job(config, fold, store, draft.folder, scratch, stops, progress, should_stop)
        with _memory_told(stage.label(fold)):
            stage.compute(job, **inputs)
        ref = store.commit(
            draft,
            parts,
            label=stage.label(fold),
            rows=job.rows,
            parents=[ref for _, ref in flat(inputs)],
            facts={
                **_facts(),
                "started": started,
                "seconds": round(time.time() - started, 3),
                SAYS: job.says,
            },
        )
        scratch.clear()
    return ref, _taken_up(scratch.restored)


def _taken_up(items: Sequence[str]) -> str:
    """What an earlier try left, for people.

    >>> _taken_up(["checkpoint-00000020"]), _taken_up(["fold-00000.parquet", "fold-00001.parquet"]), _taken_up([])
    ('went on from checkpoint-00000020', 'went on from 2 finished parts', '')
    """
    if not items:
        return ""
    checkpoints = [item for item in items if item.startswith("checkpoint-")]
    what = checkpoints[-1] if checkpoints else f"{len(items)} finished part{'s' * (len(items) > 1)}"
    return f"went on from {what}"


@contextmanager
def _memory_told(label: str) -> Iterator[None]:
    """Running out of memory as one line; what was committed stays."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise CounterpoiseError(
            f"{label}: out of memory; finished stages, shards and checkpoints are kept",
            "free memory or lower the batch sizes, then run again",
        ) from error


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@lru_cache
def _facts() -> Mapping[str, Any]:
    return {
        **git_state(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
