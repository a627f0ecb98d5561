"""A deployed run that was stopped, or lost its server, is resumed and not failed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect import runtime
from prefect.exceptions import TerminationSignal

from counterpoise.engine.runlog import RecordLog
from counterpoise.engine.stopping import StopFlag, stop_on_sigterm
from counterpoise.errors import Stopped
from counterpoise.flows import interrupts
from counterpoise.flows.deploying.handing_on import hand_on


@contextmanager
def prefect_decides() -> Iterator[None]:
    """Inside a deployment's run, a stop or a server that was away does not end it as Failed, which nobody resumes.

    SIGTERM first lets the stage save its checkpoint (:mod:`counterpoise.engine.stopping`); then the run is
    scheduled again at once.
    A Prefect server that was away at the wrong moment ends the attempt as Crashed, which the recovery automation
    resumes: Prefect repeats most calls, but not the first one of a new client, such as a task's for its place under a
    concurrency limit. On the command line every error stays what it is.
    """
    try:
        yield
    except (Stopped, httpx.TransportError) as error:
        if runtime.deployment.id is None:
            raise
        if isinstance(error, Stopped):
            hand_on()
        raise TerminationSignal(signal.SIGTERM) from error


@contextmanager
def stop_on_request(log: RecordLog | None = None) -> Iterator[StopFlag]:
    """The flag that a request to stop sets: the command's own, else (a worker's run) one of SIGTERM.

    Args:
        log: the run's record, which says ``stopped`` even if the process has to end in the middle.
    """
    command = interrupts.current()
    if command is None:
        with stop_on_sigterm() as stop:
            yield stop
    else:
        with command.running(log.stopped if log else _nothing) as stop:
            yield stop


def _nothing() -> None:
    """There is no record to keep."""
