"""Counts the file-system calls that a process makes under a store, and acts before a chosen one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_CALLS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.link", "shutil.rmtree"})


class _Counter:
    """Counts while it is on. Python cannot remove an audit hook, so one serves the process for good."""

    def __init__(self) -> None:
        self.on = False
        self.installed = False
        self.root = ""
        self.count = 0
        self.wanted: int | None = None
        self.act: Callable[[], object] = bool

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Python calls this before each audited event."""
        if self.on and (event in _CALLS or (event == "open" and _writes(args))):
            path = args[0]
            if isinstance(path, str) and path.startswith(self.root):
                self.passed()

    def passed(self) -> None:
        """One more call."""
        self.count += 1
        if self.count == self.wanted:
            self.on = False
            self.act()
            self.on = True


_COUNTER = _Counter()


@contextmanager
def count_boundaries(root: str, wanted: int | None, act: Callable[[], object]) -> Iterator[Callable[[], int]]:
    """Counts calls that change files under ``root``; just before the ``wanted``-th, ``act`` is called.

    Renames, removals, folders made, files opened for writing, and every fsync. Yields the count so far.
    """
    if not _COUNTER.installed:
        sys.addaudithook(_COUNTER.audit)
        _COUNTER.installed = True
    real = os.fsync

    def counted(descriptor: int) -> None:
        _COUNTER.passed()
        real(descriptor)

    _COUNTER.root, _COUNTER.count, _COUNTER.wanted, _COUNTER.act = root, 0, wanted, act
    os.fsync, _COUNTER.on = counted, True  # type: ignore[assignment]
    try:
        yield lambda: _COUNTER.count
    finally:
        os.fsync, _COUNTER.on = real, False  # type: ignore[assignment]


def _writes(args: tuple[Any, ...]) -> bool:
    """Whether an ``open`` event's mode or flags ask for writing."""
    mode, flags = args[1], args[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
