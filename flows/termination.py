"""A deployed run that was stopped, or lost its server, ends the way Prefect ends its own: resumed and not failed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect import runtime
from prefect.exceptions import TerminationSignal

from counterpoise.errors import Stopped


@contextmanager
def prefect_decides() -> Iterator[None]:
    """Inside a deployment's run, turns what did not fail by itself into Prefect's own signal of termination.

    SIGTERM first lets the stage save its checkpoint (:mod:`engine.stopping`). Then Prefect says what it was: a
    cancellation ends as Cancelled, a reschedule of the pod as AwaitingRetry, anything else as Crashed, which the
    recovery automation resumes. A Failed run would be resumed by nobody. The same holds for a Prefect server that
    was away at the wrong moment: Prefect repeats most calls, but not the first one of a new client, such as a task's
    for its place under a concurrency limit. On the command line every error stays what it is.
    """
    try:
        yield
    except (Stopped, httpx.TransportError) as error:
        if runtime.deployment.id is None:
            raise
        raise TerminationSignal(signal.SIGTERM) from error
