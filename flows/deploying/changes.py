"""What became of one thing on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Action = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class Change:
    """One thing that the server has now.

    Attributes:
        kind: ``work pool``, ``limit``, ``automation`` or ``deployment``.
        action: what was needed to have it so.
    """

    kind: str
    name: str
    action: Action

    def __str__(self) -> str:
        return f"{self.action:<9}  {self.kind:<10}  {self.name}"


def summary(changes: Iterable[Change]) -> str:
    """The counts in words.

    >>> summary([Change("limit", "gpu", "created"), Change("limit", "cpu", "unchanged")])
    '1 created, 1 unchanged'
    >>> summary([Change("limit", "gpu", "unchanged")])
    'nothing to change: 1 unchanged'
    """
    counts = Counter(change.action for change in changes)
    text = ", ".join(
        f"{counts[action]} {action}" for action in ("created", "updated", "unchanged") if counts[action]
    )
    return text if counts["created"] or counts["updated"] else f"nothing to change: {text}"
