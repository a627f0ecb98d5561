"""What a life of the pipeline is given, when it is killed, and what was seen of it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterpoise.config import RunConfig
from counterpoise.flows.pipeline import pipeline

FINISHED, STOPPED, REFUSED, CRASHED = 0, 3, 4, 5
"""Exit codes of a life: done; stopped on request; one clear line; anything else."""


@dataclass(frozen=True)
class Work:
    """What a life runs, and on which machine.

    Attributes:
        store: the store's address.
        cache: the machine's own folder for downloads and memos.
        until: label of the stage after which the life ends; None runs all.
        before: called in the new process before anything else, to arrange a fault.
        at_stage: called with each stage's label as it starts, to arrange a fault.
        pipeline: what it runs, as :func:`counterpoise.flows.pipeline.pipeline` does.
    """

    config: RunConfig
    store: str
    cache: Path
    pipeline: Callable[[Any, RunConfig], Any] = pipeline
    until: str | None = None
    before: Callable[[], object] | None = None
    at_stage: Callable[[str], object] | None = None


@dataclass(frozen=True)
class Moment:
    """When and how a life is killed.

    Attributes:
        stage: label of the stage it is aimed at.
        signal: SIGKILL or SIGTERM.
        after_s: seconds after that stage begins (or after its ``steps``-th step), or None.
        boundary: else the number of file-system calls that the stage may still make.
        steps: steps of progress that the stage makes first.
    """

    stage: str
    signal: signal.Signals
    after_s: float | None = None
    boundary: int | None = None
    steps: int = 0

    def comes_with(self, event: dict[str, Any], moved: int) -> bool:
        """Whether the waiting begins with this event; ``moved`` steps were made in this life so far."""
        kind = "moved" if self.steps else "started"
        return event["kind"] == kind and event["stage"] == self.stage and moved == self.steps


@dataclass
class Life:
    """What was seen of a life.

    Attributes:
        code: exit code, or minus the signal that ended it.
        killed_in: the stage it was in when the signal was sent; empty when none was.
        lost_s: seconds between the last thing kept (artifact, shard, checkpoint) and the end of the process.
        resumed_s: seconds from its beginning until it computed something.
        seconds: how long it lived.
    """

    code: int = 0
    error: str = ""
    killed_in: str = ""
    lost_s: float = 0.0
    resumed_s: float | None = None
    seconds: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind, in order."""
        return [event for event in self.events if event["kind"] == kind]
