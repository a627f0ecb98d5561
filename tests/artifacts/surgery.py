"""Kills an operation of the store at a chosen line of its code, as ``kill -9`` would.

Between two lines of our code lies every boundary between two system calls that it makes. The operation
runs in a forked child whose tracer counts the lines executed under ``artifacts/`` and sends SIGKILL to
itself at the wanted one; what a real kill leaves behind, this one leaves behind.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from counterpoise import artifacts

_CODE = str(Path(artifacts.__file__).parent)


def run_and_kill(operation: Callable[[], object], line: int) -> bool:
    """Runs ``operation`` in a child that dies at its ``line``-th line; whether it was killed there.

    Raises:
        AssertionError: the child failed by itself.
    """
    pid = os.fork()
    if pid == 0:
        _child(operation, line)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the operation failed by itself"
    return False


def _child(operation: Callable[[], object], line: int) -> None:
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(_CODE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        sys.settrace(trace)
        operation()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
