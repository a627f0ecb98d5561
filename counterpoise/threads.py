"""How many threads this process computes with, how they wait for one another, and where they keep their memory.

OpenMP's threads spin while they wait. Beside other work that takes the processor from the very thread that is waited
for: with two busy threads on two cores a run takes three times as long. Threads that sleep at once wake too late: on
two quiet cores a training step then takes half as long again. So they spin for some microseconds and sleep, and there
are no more of them than a container's CPU limit lets run at once. OpenMP reads all of it when torch loads it.

glibc gives each thread an arena of its own, which keeps what it once held: after a training, two threads that score
side by side took 5.5 GB in place of 3.4. So all threads share one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Each says how threads wait: OpenMP's own setting, GNU's and LLVM's. torch's Linux wheels bring the GNU one."""
CALM = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
"""Sleep, for every OpenMP; turns to spin before, for the GNU one, which heeds the count first."""
COUNT = "OMP_NUM_THREADS"
ARENAS = "MALLOC_ARENA_MAX"
_M_ARENA_MAX = -8
"""glibc's ``M_ARENA_MAX``, malloc.h."""
CGROUPS = Path("/sys/fs/cgroup")


def set_defaults(environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets what the user has not set; takes effect where torch has not been imported yet."""
    if not any(name in environment for name in WAITING):
        environment.update(CALM)
    cores = available_cores()
    if cores < _affinity():
        environment.setdefault(COUNT, str(cores))
    environment.setdefault(ARENAS, "1")  # for processes that are started from here; this one has read it


def share_one_arena() -> None:
    """As ``MALLOC_ARENA_MAX=1``, in a process that runs already: before it has threads. Without glibc nothing."""
    import ctypes  # noqa: PLC0415 - a tenth of what `--help` takes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and os.environ.get(ARENAS) == "1":
        mallopt(_M_ARENA_MAX, 1)


def available_cores() -> int:
    """Cores that this process can keep busy: those it may run on, or a container's limit (rounded up) if less."""
    limit = cpu_limit()
    return _affinity() if limit is None else max(1, min(_affinity(), math.ceil(limit)))


def cpu_limit(
    membership: Path = Path("/proc/self/cgroup"), root: Path = CGROUPS, v1: str = "cpu"
) -> float | None:
    """The least CPU limit, in cores, of the control groups that this process is in; None without any (cgroups 1, 2).

    Args:
        membership: the process's groups, one ``number:controllers:path`` a line.
        root: where the groups are mounted.
        v1: the controller of cgroups 1 that holds the limit, and its folder.
    """
    limits: list[float] = []
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and v1 not in controllers.split(","):
            continue
        mounted = root / v1 if controllers else root
        limits += [found for folder in _ancestors(mounted, path) if (found := _limit(folder)) is not None]
    return min(limits, default=None)


def _ancestors(mounted: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above it: a limit holds for all below. In a container the top one is its own."""
    folder = mounted / path.strip("/")
    yield folder
    while folder != mounted and mounted in folder.parents:
        folder = folder.parent
        yield folder


def _limit(folder: Path) -> float | None:
    """Cores' worth of time a group may use: ``cpu.max`` holds quota and period (version 2), else a file each."""
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None  # "max", -1, or no such group
    return int(quota) / int(period)


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
