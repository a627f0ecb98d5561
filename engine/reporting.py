"""Who is told what the run is doing: terminal, dashboard, run record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from counterpoise.engine.execute import Outcome


class Reporter(Protocol):
    """Told of every stage as it starts, moves and ends."""

    def started(self, label: str) -> None:
        """The stage is being looked up or computed."""

    def moved(self, label: str, done: int, total: int) -> None:
        """The stage has done ``done`` of ``total`` units."""

    def waiting(self, label: str, owner: str) -> None:
        """The stage waits for another process (host:pid), which is computing it."""

    def finished(self, outcome: Outcome) -> None:
        """The stage's artifact is there."""

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """The stage failed and is started again in ``delay_s`` seconds."""

    def failed(self, label: str, error: BaseException) -> None:
        """The stage ended without an artifact."""


class Reporters:
    """Passes everything on to several reporters, in order."""

    def __init__(self, reporters: Iterable[Reporter]) -> None:
        self._reporters = tuple(reporters)

    def started(self, label: str) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.started(label)

    def moved(self, label: str, done: int, total: int) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.moved(label, done, total)

    def waiting(self, label: str, owner: str) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.waiting(label, owner)

    def finished(self, outcome: Outcome) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.finished(outcome)

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.retrying(label, error, delay_s)

    def failed(self, label: str, error: BaseException) -> None:
        """See :class:`Reporter`."""
        for reporter in self._reporters:
            reporter.failed(label, error)
