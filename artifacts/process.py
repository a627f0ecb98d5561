"""Who a process is, so that another on the same machine can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def identity() -> dict[str, Any]:
    """This process: host, boot, process-id namespace, process id and start time."""
    return {**_machine(), "pid": os.getpid(), "started": _start_time(os.getpid())}


def is_dead(process: Mapping[str, Any]) -> bool:
    """Whether ``process`` (an :func:`identity`) certainly has ended; False when this machine cannot know."""
    pid = process.get("pid")
    if not isinstance(pid, int) or any(process.get(name) != value for name, value in _machine().items()):
        return False
    started = _start_time(pid)
    return started is None or started != process.get("started")


def _machine() -> dict[str, str]:
    return {
        "host": socket.gethostname(),
        "boot": _text("/proc/sys/kernel/random/boot_id"),
        "namespace": _link("/proc/self/ns/pid"),
    }


def _start_time(pid: int) -> str | None:
    """The process's start in clock ticks since boot; None when there is no such (live) process."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in {"Z", "X"} else None


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
