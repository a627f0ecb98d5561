"""Ctrl-C and SIGTERM on the command line: told at once, carried out within seconds, the second time right now.

A thread of its own hears of the signal, because Python's handlers wait for the main thread to leave whatever C code
it is in, and Prefect puts its own in their place. It sets the flag that stages look at and says so. What is in hand
then has some seconds to end by itself and be reported; after them the process ends, as it does when it is killed,
which the store is made for.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn, Self

from counterpoise.engine.stopping import StopFlag

ASKS = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 3.0
"""Seconds in which a stage that keeps no checkpoint ends by itself."""
AGAIN_S = 0.5
"""The same signal sooner than this after the first is the first: `timeout` sends its own twice."""
POLL_S = 0.1
KEPT = "finished stages, shards and checkpoints are kept — run the same command again to go on from there"
TOLD = "counterpoise: stopping; what is finished is kept (once more to end right now)"


class Interrupts:
    """While it lasts, SIGINT and SIGTERM ask the command to stop. Main thread only, else inert.

    Args:
        silent: the process that started this one says it.

    Attributes:
        flag: set once a signal came; stages look at it.
        number: the signal, 0 while none came.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._say: Callable[[str], None] = _nothing if silent else _say
        self.flag = StopFlag()
        self.number = 0
        self._grace_s = 0.0
        self._last_acts: list[Callable[[], None]] = []
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._hear, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._wakeup_before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
            self._told = told
            self._before = {number: signal.signal(number, _defer) for number in ASKS}
            os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=self._forget)
            threading.Thread(target=self._listen, daemon=True, name="interrupts").start()
        _current.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        if self not in _current:
            return  # a forked child
        if self.number:
            self.leave()  # whatever the error is, it followed from this
        _current.remove(self)
        if self._before:
            self._restore()
            os.close(self._told)  # ends the thread, which closes its own end

    def _restore(self) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _forget(self) -> None:
        """In a forked child signals do what they do to any process."""
        if self in _current:
            _current.remove(self)
            signal.set_wakeup_fd(-1)
            for number in ASKS:
                signal.signal(number, signal.SIG_DFL)
        _release()

    @contextlib.contextmanager
    def running(self, last: Callable[[], None]) -> Iterator[StopFlag]:
        """Inside a flow: stages get their time to stop; ``last`` is called if the process has to end in it.

        Prefect's own handler of SIGTERM, which raises wherever the process is, is set aside for as long.
        """
        handlers = {number: signal.signal(number, _defer) for number in ASKS} if self._before else {}
        self._last_acts.append(last)
        self._grace_s = GRACE_S
        try:
            yield self.flag
        finally:
            self._last_acts.remove(last)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def leave(self) -> NoReturn:
        """Ends the process now, with the code of the signal and nothing of what would follow from it on the screen."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        acts = threading.Thread(target=self._do_last_acts, daemon=True)
        acts.start()
        acts.join(1.0)
        self._say(f"counterpoise: stopped; {KEPT}")
        os._exit(128 + (self.number or signal.SIGINT))

    def _do_last_acts(self) -> None:
        for act in tuple(self._last_acts):
            with contextlib.suppress(Exception):
                act()

    def _listen(self) -> None:
        asked_at = needed_at = 0.0
        while (heard := self._heard(POLL_S if self.number else None)) is not None:
            now = time.monotonic()
            if not self.number and heard:
                self.number, asked_at = heard[0], now
                self.flag.set()
                self._say(TOLD)
            elif self.number in heard and now - asked_at >= AGAIN_S:
                self.leave()
            needed_at = now if self.flag.needs_s else max(needed_at, asked_at)
            ends = asked_at + self.flag.needs_s if self.flag.needs_s else needed_at + self._grace_s
            if self.number and now >= ends:
                self.leave()

    def _heard(self, wait_s: float | None) -> bytes | None:
        """The signals of the next ``wait_s`` seconds that ask to stop; None once nobody can send any more."""
        if not select.select([self._hear], [], [], wait_s)[0]:
            return b""
        data = os.read(self._hear, 64)
        if not data:
            os.close(self._hear)
            return None
        return bytes(number for number in data if number in ASKS)


_current: list[Interrupts] = []


def current() -> Interrupts | None:
    """Those of the command that is running; None in a worker's run or a library's."""
    return _current[-1] if _current else None


def _hold() -> None:
    """Lets signals wait while a child has the parent's handlers still, and would tell its parent of its own."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKS)


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKS)


def _defer(number: int, frame: FrameType | None) -> None:
    """Nothing: the thread that listens has heard it."""


def _nothing(text: str) -> None:
    """Says nothing."""


def _say(text: str) -> None:
    """One line on stderr, in the place of a moving bar; written past Python's buffers, whose locks may be held."""
    clear = "\r\x1b[K" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{clear}{text}\n".encode())
