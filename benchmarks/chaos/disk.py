"""A disk that is full at each stage, a file-size limit at each stage, and a store that cannot be written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.life import live
from benchmarks.chaos.records import FINISHED, REFUSED, Life
from counterpoise.artifacts.store import Store

_PAGE = 4096


def full_disk(bench: Bench) -> None:
    """A file system of 16 MiB fills as a stage begins, up to some of the space that the stage needs."""
    with small_disk(bench.folder / "disk", 16) as disk:
        if disk is None:
            bench.say("full and read-only disks left out: mounting one needs root")
            return
        work = replace(bench.work, store=str(disk / "store"), cache=bench.folder / "disk-cache")
        ballast = disk / "ballast"
        for stage in bench.known.seconds:
            left = bench.noise.randrange(0, sum(_sizes(bench, stage)) // _PAGE + 2) * _PAGE

            def fill(label: str, stage: str = stage, left: int = left) -> None:
                if label == stage:
                    free = os.statvfs(ballast.parent)
                    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - left)))

            life = live(replace(work, at_stage=fill))
            _judge(bench, life, "disk full", stage)
            ballast.unlink(missing_ok=True)
        bench.finishes(work, "disk full", where=Path(work.store))


def file_size_limit(bench: Bench) -> None:
    """No file may grow over a size below the stage's largest (RLIMIT_FSIZE): works for any user."""
    work = bench.fresh("limited")
    for stage in bench.known.seconds:
        size = bench.noise.randrange(0, max(_sizes(bench, stage)))

        def limit(label: str, stage: str = stage, size: int = size) -> None:
            if label == stage:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        life = live(replace(work, at_stage=limit))
        _judge(bench, life, "file-size limit", stage)
    bench.finishes(work, "file-size limit")


def read_only(bench: Bench) -> None:
    """A finished store can still be read; a run on it is refused in one line; writable again, it goes on."""
    with small_disk(bench.folder / "disk", 16) as disk:
        if disk is None:
            return
        work = replace(bench.work, store=str(disk / "store"), cache=bench.folder / "disk-cache")
        for stage in (None, "adapter · fold 0"):
            if stage is not None:
                live(replace(work, until=stage))
            remount(disk, "ro")
            bench.refused(live(work), "read-only store", REFUSED)
            remount(disk, "rw")
            bench.count("read-only store")
        bench.finishes(work, "read-only store")


def _judge(bench: Bench, life: Life, fault: str, stage: str) -> None:
    """Refused in one line, or finished because the space sufficed."""
    if life.code != FINISHED:
        bench.refused(life, fault, REFUSED)
        bench.count(f"{fault}: {stage}")


def _sizes(bench: Bench, stage: str) -> list[int]:
    """Bytes of each file of the stage's artifact."""
    manifest = Store.open(bench.known.store).manifests(stage.partition(" ")[0])[0]
    return [output.size for output in manifest.outputs]


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path | None]:
    """A file system of its own, or None where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, mode: str) -> None:
    """Makes a mounted file system writable (``rw``) or not (``ro``)."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


ALL: Iterable[Callable[[Bench], None]] = (full_disk, file_size_limit, read_only)
