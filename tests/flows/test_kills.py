"""One run, killed four ways inside training: each time it is seen as dead, goes on, and loses what is said here.

The processes have the signal handling that systemd, a login shell or a container gives them. The times are printed
(`pytest -s`); what they must be is asserted with room for a busy machine.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.objects import StateType

from tests.flows.machines import Machine, Server
from tests.flows.watching import LONG, Watcher, everything_stopped_after


@dataclass(frozen=True)
class Kill:
    """What one kill came to, in seconds from it.

    Attributes:
        state: name of the state in which the run was seen as dead.
        seen: until that state.
        again: until the run was running again.
        lost: of training: the time between the last checkpoint that was kept and the kill; 0 when it was made after.
        running: tasks of earlier attempts that are still open once the next attempt trains.
    """

    how: str
    state: str
    seen: float
    again: float
    lost: float
    running: list[str]

    def __str__(self) -> str:
        times = f"dead after {self.seen:5.1f} s ({self.state}), running again after {self.again:5.1f} s"
        return f"{self.how:<28} {times}, {self.lost:4.1f} s of training lost"


@pytest.mark.slow
def test_a_run_survives_four_kills(root: Path, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    environment = {"PREFECT_API_URL": server.url, "OMP_NUM_THREADS": "1"}
    machines = [Machine(name, tmp_path / name, root, environment) for name in ("first", "second", "third")]
    first, second, third = machines
    with everything_stopped_after(server, *machines):
        server.start()
        store = tmp_path / "store"
        first.counterpoise("deploy", "--store", str(store))
        stage = Stage(Watcher(server, str(store)), store)
        first.start_worker()
        kills = [
            stage.kill("SIGTERM of the run", lambda: first.tell_run(signal.SIGTERM)),
            stage.kill("SIGTERM of the worker", lambda: first.worker.terminate(), second.start_worker),
            stage.kill("SIGTERM of both", second.tell_both, third.start_worker),
            stage.kill("SIGKILL of the run", lambda: third.tell_run(signal.SIGKILL)),
        ]
        print("", *kills, sep="\n")
        print(*stage.watcher.history(stage.run), sep="\n")
        print(*stage.watcher.log(stage.run)[::-1], sep="\n")
        for machine in machines: print(machine.name, machine.log()[-6000:])


class Stage:
    """The run that is killed, and the clock beside it."""

    def __init__(self, watcher: Watcher, store: Path) -> None:
        self.watcher = watcher
        self._store = store
        self.run: UUID = watcher.start("debias/smoke", LONG)
        self._checkpoint = ""

    def kill(self, how: str, act: Callable[[], object], then: Callable[[], object] = lambda: None) -> Kill:
        """Kills once the run has a new checkpoint, and waits until it makes another."""
        self._checkpoint = self.watcher.checkpoint_after(self._checkpoint)
        time.sleep(1.0)
        attempt = self.watcher.read(self.run).run_count
        killed = datetime.now(UTC)
        act()
        self.watcher.until(self.run, lambda now: now.state_type != StateType.RUNNING, 200)
        kept = self._newest()
        then()
        self.watcher.until(
            self.run, lambda now: now.run_count > attempt and now.state_type == StateType.RUNNING, 200
        )
        after = [state for state in self.watcher.states(self.run) if state.timestamp > killed]
        dead = next(state for state in after if state.type != StateType.RUNNING)
        again = next(state for state in after if state.type == StateType.RUNNING)
        self._checkpoint = self.watcher.checkpoint_after(self._checkpoint)
        return Kill(
            how,
            dead.name,
            (dead.timestamp - killed).total_seconds(),
            (again.timestamp - killed).total_seconds(),
            max(0.0, killed.timestamp() - kept),
            [f"{t.name}: {t.state_name}" for t in self.watcher.tasks(self.run)],
        )

    def _newest(self) -> float:
        """When the newest checkpoint was complete, seconds since the epoch."""
        return max(path.stat().st_mtime for path in self._store.glob("scratch/**/checkpoint-*.COMPLETE"))
