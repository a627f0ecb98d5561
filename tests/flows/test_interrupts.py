"""Ctrl-C in a terminal and a signal to the process group: told at once, over in seconds, resumable, the server gone."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from counterpoise.artifacts.store import Store
from counterpoise.flows.embedded_server import SCRIPT
from counterpoise.flows.interrupts import TOLD

WITHIN_S = 5.0
"""On a machine that has a core for it; see :func:`allowed_s`."""


@dataclass
class Ended:
    """How a command ended that was asked to: its exit code, the seconds it took, and what it printed afterwards."""

    code: int
    seconds: float
    after: str


class Terminal:
    """The smoke pipeline in a terminal of its own, as the leader of its process group."""

    def __init__(self, home: Path) -> None:
        self.screen = ""
        self.pid, self._master = pty.fork()
        if not self.pid:
            environment = {**os.environ, "PREFECT_HOME": str(home / "prefect"), "COLUMNS": "200"}
            command = [sys.executable, "-m", "counterpoise.flows.cli", "run", "--profile", "smoke"]
            os.execve(command[0], [*command, "--store", str(home / "store")], environment)

    def wait_for(self, text: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < deadline, self.screen
            assert self._read() is not None, self.screen

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def ended(self, act: Callable[[], None]) -> Ended:
        """Acts, and reads until the command is gone."""
        before, start = len(self.screen), time.monotonic()
        act()
        while self._read() is not None:
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self._master)
        return Ended(os.waitstatus_to_exitcode(status), time.monotonic() - start, self.screen[before:])

    def _read(self) -> str | None:
        if not select.select([self._master], [], [], 1.0)[0]:
            return ""
        try:
            text = os.read(self._master, 65536).decode("utf-8", "replace")
        except OSError:
            return None
        self.screen += text
        return text


def servers(home: Path) -> list[psutil.Process]:
    """The embedded servers that keep their records under ``home``."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = str(SCRIPT) in process.cmdline()
            if ours and process.environ().get("PREFECT_HOME") == str(home / "prefect"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def allowed_s() -> float:
    """Five seconds of a core, as far as others leave us one."""
    return WITHIN_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def assert_stopped(ended: Ended, code: int, home: Path) -> None:
    assert ended.code == code, ended.after
    assert TOLD in ended.after
    assert "run the same command again" in ended.after
    assert "✓" not in ended.after.partition(TOLD)[2]
    assert "Error" not in ended.after
    assert max(map(len, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", ended.after).splitlines())) < 200
    assert ended.seconds < allowed_s()
    assert psutil.wait_procs(servers(home), timeout=20)[1] == []


def ctrl_c(terminal: Terminal) -> None:
    """A key in the terminal: SIGINT to the whole group."""
    terminal.press_ctrl_c()


def sigterm(terminal: Terminal) -> None:
    """To the whole group, as timeout and systemd send it."""
    os.killpg(terminal.pid, signal.SIGTERM)


def sigterm_twice(terminal: Terminal) -> None:
    """In the same instant, which is once."""
    sigterm(terminal)
    sigterm(terminal)


STOPS: dict[str, tuple[Callable[[Terminal], None], int]] = {
    "profile smoke": (ctrl_c, 130),  # Prefect's server is starting
    " base-model": (sigterm, 143),
    " adapter · fold 0": (ctrl_c, 130),
    " scores": (sigterm_twice, 143),
}
"""What the screen shows when it is asked to stop, how, and the exit code."""


@pytest.mark.slow
def test_a_run_that_is_stopped_again_and_again_goes_on_each_time(tmp_path: Path) -> None:
    for shown, (stop, code) in STOPS.items():
        terminal = Terminal(tmp_path)
        terminal.wait_for(shown)
        assert_stopped(terminal.ended(partial(stop, terminal)), code, tmp_path)
    assert {run["status"] for run in Store.open(tmp_path / "store").runs()} == {"stopped"}

    terminal = Terminal(tmp_path)
    terminal.wait_for(" report")
    assert len(servers(tmp_path)) == 1
    assert terminal.ended(lambda: os.kill(terminal.pid, signal.SIGKILL)).code == -signal.SIGKILL
    assert psutil.wait_procs(servers(tmp_path), timeout=20)[1] == [], (
        "a killed command takes its server along"
    )

    terminal = Terminal(tmp_path)
    last = terminal.ended(lambda: None)
    assert last.code == 0, last.after
    assert "= base-model" in last.after
    assert "= adapter" in last.after


STUBBORN = """
import sys, time
from counterpoise.flows.interrupts import Interrupts
with Interrupts() as interrupts:
    with interrupts.running(lambda: print("written", flush=True)):
        {need}
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
"""


def stubborn(need: str = "pass") -> subprocess.Popen[str]:
    """Work that never looks at the flag."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN.format(need=need)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_work_that_does_not_look_is_ended_with_its_record_written() -> None:
    process = stubborn()
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "written\n")
    assert err.splitlines()[0] == TOLD
    assert 3.0 <= time.monotonic() - start < allowed_s()


def test_the_second_time_it_ends_right_now_also_where_a_checkpoint_needs_a_minute() -> None:
    process = stubborn("interrupts.flag.needs_s = 60")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # at once: still the first
    time.sleep(1.5)
    assert process.poll() is None
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - start < allowed_s() / 3


def test_before_anything_runs_it_ends_at_once() -> None:
    code = """
import time
from counterpoise.flows.interrupts import Interrupts
with Interrupts():
    print("ready", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    start = time.monotonic()
    process.terminate()
    assert process.wait(30) == 143
    assert time.monotonic() - start < allowed_s() / 3


def test_forked_children_die_of_signals_and_tell_the_parent_nothing() -> None:
    code = """
import os, signal, time
from counterpoise.flows.interrupts import Interrupts
with Interrupts() as interrupts:
    child = os.fork()
    if not child:
        time.sleep(60)
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), interrupts.number)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "-15 0\n"


def test_afterwards_signals_do_what_they_did() -> None:
    from counterpoise.flows.interrupts import Interrupts, current  # noqa: PLC0415

    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        assert current() is interrupts
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert current() is None
