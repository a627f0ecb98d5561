"""One life of the pipeline: a forked process that runs it from wherever it stands, and tells what it does.

The parent has imported everything heavy and started no thread, so a life costs milliseconds to begin. It walks
the same ``flows.pipeline`` through the same executor as the flow does, with the same run record and the same
SIGTERM handling; only Prefect is left out. :mod:`benchmarks.chaos.commands` does the same with the real command.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artifacts.scratch import Scratch
from artifacts.store import Ref, Store
from benchmarks.chaos.boundaries import count_boundaries
from counterpoise.config import RunConfig
from counterpoise.errors import CounterpoiseError, Stopped
from flows.pipeline import pipeline
from tasks.execute import execute
from tasks.runlog import RunLog
from tasks.stage import Stage
from tasks.stopping import StopFlag, stop_on_sigterm

FINISHED, STOPPED, REFUSED, CRASHED = 0, 3, 4, 5
"""Exit codes of a life: done; stopped on request; one clear line; anything else."""
_NOTHING_LOST_BEFORE = frozenset({"born", "started", "saved", "finished"})
LIMIT_S = 1800.0
"""A life that says nothing for this long hangs."""


@dataclass(frozen=True)
class Work:
    """What a life runs, and on which machine.

    Attributes:
        store: the store's address.
        cache: the machine's own folder for downloads and memos.
        until: label of the stage after which the life ends; None runs all.
        before: called in the new process before anything else, to arrange a fault.
        at_stage: called with each stage's label as it starts, to arrange a fault.
        pipeline: what it runs, as :func:`flows.pipeline.pipeline` does.
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


def live(work: Work, moment: Moment | None = None) -> Life:
    """Runs one life to its end, which comes early when there is a ``moment``."""
    return Birth(work, moment).watched()


class Birth:
    """A life that has begun, in a process of its own; :meth:`watched` sees it to its end."""

    def __init__(self, work: Work, moment: Moment | None = None) -> None:
        self._moment, self._began = moment, time.monotonic()
        self._receive, send = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._receive)
            _child(work, moment, send)
        os.close(send)

    def watched(self) -> Life:
        """What was seen of it; kills it when its moment has come."""
        life = Life()
        try:
            _watch(life, self._pid, self._receive, self._moment)
        finally:
            os.close(self._receive)
            _, status = os.waitpid(self._pid, 0)
        ended = time.monotonic()
        life.code = os.waitstatus_to_exitcode(status)
        life.seconds = ended - self._began
        kept = [event["at"] for event in life.events if event["kind"] in _NOTHING_LOST_BEFORE]
        life.lost_s = ended - max(kept, default=self._began)
        computing = life.of("computing")
        life.resumed_s = computing[0]["at"] - self._began if computing else None
        for event in life.of("error"):
            life.error = event["text"]
        return life


def _watch(life: Life, pid: int, receive: int, moment: Moment | None) -> None:
    """Collects events until the pipe closes, and sends the signal when its time has come."""
    rest, moved = b"", 0
    due: float | None = None
    while True:
        wait = LIMIT_S if due is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([receive], [], [], wait)
        if not ready:
            if due is None:
                os.kill(pid, signal.SIGKILL)
                raise TimeoutError(f"a life said nothing for {LIMIT_S:.0f} s: {life.events[-3:]}")
            assert moment is not None
            life.killed_in = _stage_of(life)
            os.kill(pid, moment.signal)
            due = None
            continue
        block = os.read(receive, 1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            event = json.loads(line)
            life.events.append(event)
            if event["kind"] == "kill":
                life.killed_in = event["stage"]
            if event["kind"] == "started":
                moved = 0
            moved += event["kind"] == "moved"
            waits = moment is not None and moment.after_s is not None and not life.killed_in
            if moment is not None and waits and moment.comes_with(event, moved):
                due = time.monotonic() + (moment.after_s or 0.0)


def _stage_of(life: Life) -> str:
    started = life.of("started")
    return str(started[-1]["stage"]) if started else "before the first stage"


def _child(work: Work, moment: Moment | None, send: int) -> None:
    """The life itself; never returns."""

    def tell(kind: str, **more: Any) -> None:
        line = json.dumps({"kind": kind, "at": time.monotonic(), **more}) + "\n"
        os.write(send, line.encode())

    code = CRASHED
    try:
        os.environ["COUNTERPOISE_CACHE"] = str(work.cache)
        quiet = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(quiet, descriptor)
        code = _run(work, moment, tell)
    except Stopped as error:
        tell("error", text=str(error))
        code = STOPPED
    except CounterpoiseError as error:
        tell("error", text=str(error))
        code = REFUSED
    except BaseException:
        tell("error", text=traceback.format_exc())
    finally:
        sys.stdout.flush()
        os._exit(code)


def _run(work: Work, moment: Moment | None, tell: Callable[..., None]) -> int:
    """The pipeline as ``flows.debias`` runs it, without Prefect."""
    with stop_on_sigterm() as stop, _told_of_saving(tell):
        if work.before is not None:
            work.before()
        tell("born")
        store = Store.open(work.store)
        step = _Step(work, store, moment, stop, tell)
        with RunLog(store, f"run-{time.time_ns()}", work.config) as log:
            step.log = log
            try:
                log.completed(work.pipeline(step, work.config))
            except _Enough:
                return FINISHED
            tell("modules", names=[name for name in sys.modules if not name.startswith("_")])
    return FINISHED


class _Enough(BaseException):
    """The last wanted stage is done."""


class _Step:
    """Runs each stage as :class:`tasks.prefect_step.PrefectStep` does, and tells of it."""

    def __init__(
        self, work: Work, store: Store, moment: Moment | None, stop: StopFlag, tell: Callable[..., None]
    ) -> None:
        self._work, self._store, self._moment, self._stop, self._tell = work, store, moment, stop, tell
        self.log: RunLog | None = None

    def __call__(self, stage: Stage, *, fold: int | None = None, **inputs: Any) -> Ref:
        self._stop.check()
        label = stage.label(fold)
        if self._work.at_stage is not None:
            self._work.at_stage(label)
        self._tell("started", stage=label)
        aimed = self._moment if self._moment is not None and self._moment.stage == label else None
        told = _Telling(stage, self._tell, label)
        with count_boundaries(self._work.store, aimed and aimed.boundary, lambda: self._die(label)) as count:
            outcome = execute(
                told.stage,
                self._work.config,
                self._store,
                inputs,
                fold=fold,
                progress=self._progress(label),
                should_stop=self._stop,
            )
        self._tell("finished", stage=label, state=outcome.state, boundaries=count())
        if self.log is not None:
            self.log.finished(outcome)
        if label == self._work.until:
            raise _Enough
        return outcome.ref

    def _progress(self, label: str) -> Callable[[int, int], None]:
        def progress(done: int, total: int) -> None:
            self._tell("moved", stage=label, done=done, total=total)
            if done < total:
                self._stop.check()

        return progress

    def _die(self, label: str) -> None:
        assert self._moment is not None
        self._tell("kill", stage=label)
        os.kill(os.getpid(), self._moment.signal)


class _Telling:
    """A stage that says when its computation begins; its key, and the code in it, stay what they were."""

    def __init__(self, stage: Stage, tell: Callable[..., None], label: str) -> None:
        self._stage, self._tell, self._label = stage, tell, label
        self.stage: Any = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def compute(self, *args: Any, **kwargs: Any) -> None:
        self._tell("computing", stage=self._label)
        self._stage.compute(*args, **kwargs)


@contextmanager
def _told_of_saving(tell: Callable[..., None]) -> Iterator[None]:
    """Every shard and checkpoint that is complete is told of, and how long a checkpoint of training took."""
    save, checkpoint = Scratch.save, getattr(training_run(), "_checkpoint", None)

    def told(self: Scratch, item: str) -> None:
        save(self, item)
        tell("saved", item=item)

    def timed(self: Any) -> None:
        assert checkpoint is not None
        began = time.monotonic()
        checkpoint(self)
        tell("checkpoint", seconds=time.monotonic() - began)

    with patched(Scratch, "save", told), patched(training_run(), "_checkpoint", timed):
        yield


def training_run() -> Any:
    """The class of a training, where the trainer was imported; a pipeline of toys has none."""
    module = sys.modules.get("counterpoise.alignment.run")
    return module.Run if module is not None else None


@contextmanager
def patched(owner: Any, name: str, value: object) -> Iterator[None]:
    """``owner.name`` is ``value`` inside the block; nothing happens without an owner."""
    if owner is None:
        yield
        return
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
