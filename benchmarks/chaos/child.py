"""Inside a life: the pipeline through the real executor, told of as it goes."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.chaos.boundaries import count_boundaries
from benchmarks.chaos.records import CRASHED, FINISHED, REFUSED, STOPPED, Moment, Work
from counterpoise.artifacts.scratch import Scratch
from counterpoise.artifacts.store import Ref, Store
from counterpoise.engine.execute import execute
from counterpoise.engine.runlog import RunLog
from counterpoise.engine.stage import Stage
from counterpoise.engine.stopping import StopFlag, stop_on_sigterm
from counterpoise.errors import CounterpoiseError, Stopped


def be(work: Work, moment: Moment | None, send: int) -> None:
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
    """The pipeline as ``counterpoise.flows.debias`` runs it, without Prefect."""
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
    """Runs each stage as :class:`counterpoise.engine.prefect_step.PrefectStep` does, and tells of it."""

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
