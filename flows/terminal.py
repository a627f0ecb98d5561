"""Standard input and output as they may be: closed, full, too narrow, or of an encoding that lacks what is printed."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

UNCUT = 10_000
"""Columns of a pipe or file: nothing is cut or wrapped there."""


DESCRIPTOR = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE}


def prepare_streams() -> None:
    """Fills closed descriptors, so that no file takes their place, and shows what cannot be encoded as ``?``.

    Without it a closed output ends whatever inherits it, and a sign that the output lacks ends the command.
    """
    closed = [number for number in (0, 1, 2) if not _is_open(number)]
    for number in closed:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if number == 1:
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        if number == 2:
            sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not is_utf8(stream):
            stream.reconfigure(errors="replace")
    if 1 in closed:
        print("counterpoise: standard output is closed; nothing is printed on it", file=sys.stderr)


def is_utf8(stream: TextIO | None) -> bool:
    """Whether the stream can show everything."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def unwritable(error: Exception | None = None) -> OSError | None:
    """Why what was printed does not arrive: nobody reads any more, or the disk is full; None where it does.

    Args:
        error: what a command ended with; one of a descriptor and no file is that of its output.
    """
    if isinstance(error, OSError) and error.errno in DESCRIPTOR and error.filename is None:
        return error
    try:
        sys.stdout.flush()
    except OSError as failed:
        return failed
    return None


def give_up_output() -> None:
    """Drops what could not be written, which Python would try again at its end and complain of."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; a pipe or file is never cut, and one that is gone does not end the work."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True

    file = sys.stderr if stderr else sys.stdout
    return Patient(file=file, width=None if file.isatty() else UNCUT)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
