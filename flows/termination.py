"""A deployed run that was asked to stop ends the way Prefect ends its own, so that it is resumed and not failed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from prefect import runtime
from prefect.exceptions import TerminationSignal

from counterpoise.errors import Stopped


@contextmanager
def prefect_decides() -> Iterator[None]:
    """Inside a deployment's run, turns :class:`Stopped` into Prefect's own signal of termination.

    SIGTERM first lets the stage save its checkpoint (:mod:`tasks.stopping`). Then Prefect says what it was: a
    cancellation ends as Cancelled, a reschedule of the pod as AwaitingRetry, anything else as Crashed, which the
    recovery automation resumes. A Failed run would be resumed by nobody. On the command line ``Stopped`` stays.
    """
    try:
        yield
    except Stopped as stopped:
        if runtime.deployment.id is None:
            raise
        raise TerminationSignal(signal.SIGTERM) from stopped
