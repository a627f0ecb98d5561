"""What `counterpoise doctor` looks at and finds, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]

GIB = 1 << 30
LOCAL_MEMORY_BYTES = 6 * GIB
LOCAL_DISK_BYTES = 3 * GIB


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        state: ``fail`` keeps runs from working; ``warn`` is worth knowing.
        remedy: what to do, for ``warn`` and ``fail``.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """The sizes that decide which profile fits, in bytes; ``gpu_bytes`` is 0 without a GPU."""

    cores: int
    memory_bytes: int
    gpu_bytes: int
    gpu_name: str
