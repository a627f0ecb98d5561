"""The Prefect side: each stage as a Prefect task whose state says `Cached` when the store already had it.

The store is the only truth about what is cached. Prefect's own result records are off, so that a lost, stale or
damaged record can neither hide a finished stage nor vouch for a missing one, and `plan` sees what a run sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType
from prefect.context import TaskRunContext
from prefect.states import Completed

from counterpoise.artifacts.store import Ref, Store
from counterpoise.config import RunConfig
from counterpoise.engine.execute import execute
from counterpoise.engine.gpu_slot import GPU_TAG, wait_for_gpu
from counterpoise.engine.reporting import Reporter
from counterpoise.engine.stage import Stage
from counterpoise.engine.stopping import StopFlag
from counterpoise.engine.titles import came_to, title
from counterpoise.errors import Stopped, UnreachableError

RETRY_DELAYS_S = [2.0, 10.0, 60.0]


@dataclass(frozen=True)
class Around:
    """What surrounds the tasks of a run in this process."""

    reporter: Reporter
    stop: StopFlag


_around: ContextVar[Around] = ContextVar("around")


@contextmanager
def surrounded(around: Around) -> Iterator[None]:
    """Inside the block, what :func:`run_stage` reports to and asks; stops here if asked to."""
    around.stop.check()
    token = _around.set(around)
    try:
        yield
    finally:
        _around.reset(token)


class PrefectStep:
    """Runs stages as Prefect tasks, one after another in the flow's own thread.

    Calling it gives the task's final state, which the next stage takes as its input: so Prefect draws the graph.
    """

    def __init__(self, config: RunConfig, store: str, around: Around) -> None:
        self._config = config
        self._store = store
        self._around = around

    def __call__(self, stage: Stage, *, fold: int | None = None, **inputs: State | Sequence[State]) -> State:
        """The state whose result is the stage's :class:`Ref`; raises what the stage raised."""
        with surrounded(self._around):
            if GPU_TAG in stage.tags:
                wait_for_gpu(self._around.stop.check)
            state = prefect_task(stage)(
                stage.label(fold), self._config, self._store, fold, inputs, return_state=True
            )
        state.result()
        return state


@lru_cache
def prefect_task(stage: Stage) -> Task[..., State]:
    """The Prefect task of a stage: named, tagged, with its retries and timeout."""

    def run(label: str, config: RunConfig, store: str, fold: int | None, inputs: Mapping[str, Any]) -> State:
        return run_stage(stage, label, config, Store.open(store), fold, inputs)

    run.__doc__ = stage.compute.__doc__
    return Task(
        run,
        name=stage.name,
        task_run_name="{label}",
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=stage.retries,
        retry_delay_seconds=list(RETRY_DELAYS_S[: stage.retries]),
        retry_condition_fn=is_transient,
        timeout_seconds=stage.timeout_s,
        tags=set(stage.tags),
        log_prints=False,
    )


def is_transient(task: Task[..., Any], task_run: Any, state: State) -> bool:
    """Whether the next attempt may find what this one did not; a wrong name, a refusal or a timeout will not change."""
    return not _stopping() and _is_transient(state.result(raise_on_failure=False))


def _stopping() -> bool:
    around = _around.get(None)
    return around is not None and around.stop()


def _is_transient(error: object) -> bool:
    return isinstance(error, UnreachableError)


def _next_try_in(error: BaseException) -> float | None:
    """Seconds until Prefect tries the task of this moment again after ``error``; None if it does not."""
    context = TaskRunContext.get()
    if context is None or _stopping() or not _is_transient(error):
        return None
    earlier = context.task_run.run_count - 1
    return RETRY_DELAYS_S[min(earlier, len(RETRY_DELAYS_S) - 1)] if earlier < context.task.retries else None


def run_stage(
    stage: Stage, label: str, config: RunConfig, store: Store, fold: int | None, inputs: Mapping[str, Ref]
) -> State:
    """A stage inside a task of :func:`surrounded`: reported as ``label``, stopped on request; the task's state."""
    around = _around.get()

    def progress(done: int, total: int) -> None:
        around.reporter.moved(label, done, total)

    around.reporter.started(label)
    try:
        with around.stop.needing(stage.stops_in_s):
            made = execute(
                stage,
                config,
                store,
                inputs,
                fold=fold,
                progress=progress,
                should_stop=around.stop,
                on_wait=lambda owner: around.reporter.waiting(label, owner),
            )
    except Stopped as stop:
        around.reporter.failed(label, stop)
        _rename(f"{label.replace(' · ', ', ')}: stopped")
        return State(type=StateType.CANCELLED, name="Stopped", message=stop.message, data=stop)
    except BaseException as error:
        delay = _next_try_in(error)
        if delay is None:
            around.reporter.failed(label, error)
        else:
            around.reporter.retrying(label, error, delay)
        raise
    outcome = replace(made, label=label)
    around.reporter.finished(outcome)
    _rename(title(outcome))
    message = " · ".join(
        part for part in (came_to(outcome), outcome.state, f"key {outcome.ref.key[:12]}") if part
    )
    name = "Cached" if outcome.state == "cached" else "Completed"
    return Completed(name=name, message=message, data=outcome.ref)


def _rename(name: str) -> None:
    """Gives the task run of this moment another name; its final state carries it to the server."""
    context = TaskRunContext.get()
    if context is not None:
        context.task_run.name = name
