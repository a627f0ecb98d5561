"""The waiting line: one thread uses the model, and who waits is served in order, comparisons together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from counterpoise.demo.streaming import Row
from counterpoise.errors import UsageError

MOST_ROWS = 32
"""Answers decoded together at most; who does not fit waits for the next batch."""
LONGEST_LINE = 20
"""Requests that may wait; more are told at once that the demo is busy."""
Result = TypeVar("Result")
Decode = Callable[[Sequence[Row], float, Callable[[], None]], None]
"""Writes rows at a temperature and calls back after each token, as :func:`counterpoise.demo.streaming.decode`."""


@dataclass(eq=False)
class Ticket:
    """A comparison: its rows, and when what happened to it (seconds of :func:`time.monotonic`).

    Attributes:
        temperature: of its draws; None where it takes the most probable tokens and fits every batch.
        stopped: the visitor did not want to read on.
        ended: set when nothing will be added.
        error: why it failed; None where it did not.
    """

    rows: Sequence[Row]
    temperature: float | None
    asked: float = field(default_factory=time.monotonic)
    began: float | None = None
    first_words: float | None = None
    over: float | None = None
    stopped: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def begin(self) -> None:
        """Its turn has come."""
        self.began = time.monotonic()

    def note(self) -> None:
        """Looks at its rows after a token."""
        if self.first_words is None and any(row.text.strip() for row in self.rows):
            self.first_words = time.monotonic()
        if all(row.over for row in self.rows):
            self.end()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes. Only the first call counts."""
        if not self.ended.is_set():
            self.error, self.over = error, time.monotonic()
            self.ended.set()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ticket stands: from 1, and about how long until its turn, seconds."""

    number: int
    seconds: float


@dataclass(frozen=True)
class _Call:
    """Other work with the model."""

    work: Callable[[], None]


def first_batch(waiting: Sequence[Ticket]) -> list[Ticket]:
    """Who is decoded together: the first one, and in order everyone who fits beside.

    Rows are drawn at one temperature a batch; greedy ones fit everywhere.
    """
    taken: list[Ticket] = []
    for ticket in waiting:
        temperatures = {t.temperature for t in (*taken, ticket)} - {None}
        rows = sum(len(t.rows) for t in (*taken, ticket))
        if not taken or (len(temperatures) < 2 and rows <= MOST_ROWS):
            taken.append(ticket)
    return taken


def batches_before(waiting: Sequence[Ticket], ticket: Ticket) -> int:
    """How many batches are decoded before that of ``ticket``, which waits."""
    count, left = 0, list(waiting)
    while ticket not in (batch := first_batch(left)):
        count, left = count + 1, [other for other in left if other not in batch]
    return count


class Line:
    """Serves tickets and calls in the order of their coming, in a thread of its own."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._changed = threading.Condition()
        self._waiting: list[Ticket | _Call] = []
        self._pace = _Pace()
        threading.Thread(target=self._serve, name="model", daemon=True).start()

    def join(self, ticket: Ticket) -> None:
        """Puts a ticket at the end.

        Raises:
            UsageError: the line is full.
        """
        self._add(ticket)

    def call(self, work: Callable[[], Result]) -> Future[Result]:
        """Runs ``work`` with the model when its turn comes.

        Raises:
            UsageError: the line is full.
        """
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._add(_Call(run))
        return future

    def _add(self, item: Ticket | _Call) -> None:
        with self._changed:
            if len(self._waiting) >= LONGEST_LINE:
                raise UsageError(
                    f"the demo is busy: {len(self._waiting)} requests wait",
                    f"try again in {max(1.0, self._pace.until_next()):.0f} s",
                )
            self._waiting.append(item)
            self._changed.notify()

    def place(self, ticket: Ticket) -> Place | None:
        """Where a ticket waits; None when its turn has come or it has ended."""
        with self._changed:
            if ticket not in self._waiting:
                return None
            tickets = [item for item in self._waiting if isinstance(item, Ticket)]
            later = batches_before(tickets, ticket) * self._pace.whole
            return Place(tickets.index(ticket) + 1, self._pace.until_next() + later)

    def stop(self, ticket: Ticket) -> None:
        """Ends a ticket: at once where it waits, else after the token it is at. Idle where it has ended."""
        with self._changed:
            if ticket.ended.is_set():
                return
            ticket.stopped = True
            for row in ticket.rows:
                row.stop = True
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                ticket.end()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                taken = self._take()
            if isinstance(taken, _Call):
                taken.work()
            else:
                self._write(taken)

    def _take(self) -> list[Ticket] | _Call:
        first = self._waiting[0]
        taken = (
            first
            if isinstance(first, _Call)
            else first_batch([item for item in self._waiting if isinstance(item, Ticket)])
        )
        gone = [taken] if isinstance(taken, _Call) else taken
        self._waiting = [item for item in self._waiting if item not in gone]
        return taken

    def _write(self, tickets: Sequence[Ticket]) -> None:
        rows = [row for ticket in tickets for row in ticket.rows]
        self._pace.begin(rows)
        for ticket in tickets:
            ticket.begin()

        def told() -> None:
            self._pace.step()
            for ticket in tickets:
                ticket.note()

        error: BaseException | None = None
        try:
            self._decode(rows, next((t.temperature for t in tickets if t.temperature), 1.0), told)
        except BaseException as raised:
            error = raised
        self._pace.end()
        for ticket in tickets:
            ticket.end(error)


class _Pace:
    """How fast the model writes, to tell those who wait how long it takes. Estimates, never a promise.

    Attributes:
        whole: how long the last batch took, seconds.
    """

    def __init__(self) -> None:
        self.whole = 0.0
        self._a_step = 0.0
        self._began = 0.0
        self._steps = 0
        self._rows: Sequence[Row] = ()

    def begin(self, rows: Sequence[Row]) -> None:
        """A batch begins."""
        self._began, self._steps, self._rows = time.monotonic(), 0, rows

    def step(self) -> None:
        """A token of every row is written."""
        self._steps += 1
        self._a_step = (time.monotonic() - self._began) / self._steps

    def end(self) -> None:
        """The batch is done."""
        self.whole, self._rows = time.monotonic() - self._began, ()

    def until_next(self) -> float:
        """About how long the batch that is being written still takes, seconds."""
        left = max((row.longest - self._steps for row in self._rows if not row.over), default=0)
        return max(0.0, left * self._a_step)
