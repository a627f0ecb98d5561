"""SIGTERM (a spot machine's notice, a worker's shutdown) as a flag that long work looks at."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from counterpoise.errors import Stopped
from counterpoise.records import Progress


class StopFlag:
    """Set once the process was asked to stop.

    Attributes:
        needs_s: seconds that the stage in hand may take to stop by itself, with a checkpoint; 0 where none is made.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.needs_s = 0.0

    @contextmanager
    def needing(self, seconds: float) -> Iterator[None]:
        """Inside the block, work that may take so long to stop."""
        before, self.needs_s = self.needs_s, seconds
        try:
            yield
        finally:
            self.needs_s = before

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def set(self) -> None:
        """Asks to stop."""
        self._event.set()

    def check(self) -> None:
        """Stops here if asked to.

        Raises:
            Stopped: the process was asked to stop.
        """
        if self():
            raise stopped()


def stopped() -> Stopped:
    """What ends a stage that was asked to stop."""
    return Stopped(
        "stopped on request; finished stages, shards and checkpoints are kept",
        "run the same command again to go on from there",
    )


def stopping(progress: Progress, should_stop: Callable[[], bool]) -> Progress:
    """``progress`` that stops where it is called, if asked to; not at the end, where the work is done."""

    def told(done: int, total: int) -> None:
        progress(done, total)
        if done < total and should_stop():
            raise stopped()

    return told


@contextmanager
def stop_on_sigterm() -> Iterator[StopFlag]:
    """A flag that SIGTERM sets, once or often. Main thread only, else inert.

    systemd tells a service's every process, and so does a worker its runs: the second notice must not cut short the
    checkpoint that the first one asked for. Whoever cannot wait sends SIGKILL.
    """
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.getsignal(signal.SIGTERM)

    def ask(number: int, frame: FrameType | None) -> None:
        flag.set()

    signal.signal(signal.SIGTERM, ask)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGTERM, before)
