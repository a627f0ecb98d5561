"""One life of the pipeline: a forked process that runs it from wherever it stands, and tells what it does.

The parent has imported everything heavy and started no thread, so a life costs milliseconds to begin. It walks
the same ``counterpoise.flows.pipeline`` through the same executor as the flow does, with the same run record
and the same
SIGTERM handling; only Prefect is left out. :mod:`benchmarks.chaos.commands` does the same with the real command.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time

from benchmarks.chaos.child import be
from benchmarks.chaos.records import Life, Moment, Work

_NOTHING_LOST_BEFORE = frozenset({"born", "started", "saved", "finished"})
LIMIT_S = 1800.0
"""A life that says nothing for this long hangs."""


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
            be(work, moment, send)
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
