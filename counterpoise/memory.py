"""Batches that don't fit the memory: halved until they do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Row = TypeVar("Row")

_SAID_BY_TORCH = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` is a full device's or a full machine's; torch tells the latter by its text alone."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(said in text for said in _SAID_BY_TORCH)


def in_halves(batch: Sequence[Item], compute: Callable[[Sequence[Item]], Sequence[Row]]) -> list[Row]:
    """``compute(batch)``; where that does not fit the memory, its two halves one after the other, and so on.

    Raises:
        MemoryError, RuntimeError: as ``compute`` raised it, when not even one item fits.
    """
    waiting, done = [batch], list[Row]()
    while waiting:
        part = waiting.pop()
        try:
            done += compute(part)
        except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if len(part) < 2 or not is_out_of_memory(error):
                raise
        else:
            continue
        # Only here is the failed attempt's memory free: its traceback held every tensor of it.
        _give_back()
        middle = len(part) // 2
        waiting += [part[middle:], part[:middle]]
    return done


def _give_back() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
