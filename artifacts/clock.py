"""Time as an argument: the standard ``time`` module is one, a test's own clock another."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time and waiting, all in seconds."""

    def time(self) -> float:
        """Unix time."""
        ...

    def monotonic(self) -> float:
        """A time that never goes back; only differences mean something."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Waits."""
        ...


SYSTEM: Clock = time
"""The clock of this machine."""


def utc(seconds: float) -> str:
    """Unix time as ISO 8601 in UTC, microseconds kept so that texts sort like times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
