"""Kills of the real command: ``counterpoise run`` in a process of its own, with Prefect's embedded server."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.kills import Kept, Tally, compare
from counterpoise.artifacts.store import Store

_LINE = re.compile(r"^[✓=] (?P<label>\S.*?)\s{2,}(?P<state>computed|cached)")
_STOPPED = 1
"""Exit code of a run that was asked to stop."""


@dataclass(frozen=True)
class Shell:
    """How the command is started: its store, settings and environment."""

    store: Path
    settings: tuple[str, ...]
    home: Path

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """``counterpoise run`` in a session of its own, so that nothing of it outlives us."""
        command = [
            sys.executable,
            "-m",
            "counterpoise.flows.cli",
            "run",
            "--profile",
            "smoke",
            "--store",
            str(self.store),
        ]
        command += [part for setting in self.settings for part in ("--set", setting)]
        with log.open("wb") as file:
            return subprocess.Popen(
                command, stdout=file, stderr=file, env=self._environment(), start_new_session=True
            )

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "COUNTERPOISE_CACHE": str(self.home / "cache"),
            "PREFECT_HOME": str(self.home / "prefect"),
        }


def kill_commands(folder: Path, settings: tuple[str, ...], kills: int, seed: int) -> Tally:
    """At least ``kills`` kills of the command at random times, over as many runs as it takes."""
    noise, tally = random.Random(seed), Tally()
    whole = Shell(folder / "whole", settings, folder)
    began = time.monotonic()
    code, text = _watched(whole, folder / "log", None, None)
    total = time.monotonic() - began
    if code:
        raise RuntimeError(f"the uninterrupted command ended with {code}: {text[-500:]}")
    while sum(tally.kills.values()) < kills:
        shell = Shell(folder / f"killed-{tally.runs}", settings, folder)
        _killed_run(shell, whole.store, folder / "log", total, kills, noise, tally)
    return tally


def _killed_run(
    shell: Shell, whole: Path, log: Path, total: float, most: int, noise: random.Random, tally: Tally
) -> None:
    spent = 0.0
    while True:
        how = noise.choice((signal.SIGKILL, signal.SIGTERM))
        due = noise.uniform(0.1, 1.0) * total if sum(tally.kills.values()) < most else None
        began = time.monotonic()
        code, text = _watched(shell, log, due, how)
        seconds = time.monotonic() - began
        spent += seconds
        tally.lives += 1
        if shell.store.exists():
            tally.different += Kept.of(Store.open(shell.store)).problems
        if code == 0:
            break
        if code not in (-signal.SIGKILL, -signal.SIGTERM, _STOPPED) or "Traceback" in text:
            tally.different.append(f"the command ended with {code}: {text[-500:]}")
            break
        done = [match["label"] for match in map(_LINE.match, text.splitlines()) if match]
        tally.kills[f"after {done[-1]}" if done else "before the first stage", how.name] += 1
        tally.how["at a random time"] += 1
    tally.runs += 1
    tally.stretched.append(spent / total)
    files, different = compare(whole, shell.store)
    tally.files += files
    tally.different += different


def _watched(shell: Shell, log: Path, due: float | None, how: signal.Signals | None) -> tuple[int, str]:
    """Exit code and output of a command, killed after ``due`` seconds when it still runs."""
    process = shell.start(log)
    try:
        code = process.wait(due)
    except subprocess.TimeoutExpired:
        assert how is not None
        process.send_signal(how)
        code = process.wait(600)
    _end_session(process.pid)
    return code, log.read_text(encoding="utf-8", errors="replace")


def _end_session(session: int) -> None:
    """Prefect's embedded server outlives a kill -9 of its flow; a machine that vanishes takes it along."""
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return
