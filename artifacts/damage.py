"""What it means that something in the store is not what was written there."""

from __future__ import annotations

from dataclasses import dataclass


class Damaged(ValueError):  # noqa: N818 (a finding that callers turn into a miss, rarely an error)
    """Bytes that are not what the store wrote; the message says how."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing in the store that is not as it should be.

    Attributes:
        where: its address in the store.
        what: what is wrong with it.
        remedy: what to do about it.
    """

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} — {self.remedy}"
