"""One run, killed five ways inside training: each time it is seen as dead, goes on, and loses what is said here.

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

from tests.flows.machines import Machine, Server, wait_for
from tests.flows.watching import LONG, Watcher, everything_stopped_after

SEEN_S, AGAIN_S, LOST_S = 20.0, 120.0, 60.0
"""On two cores shared with other work; the printed times of a quiet machine are a fraction."""


@dataclass(frozen=True)
class Kill:
    """What one kill came to, in seconds from it.

    Attributes:
        state: name of the state in which the run was seen as dead.
        seen: until that state.
        again: until the run was running again.
        lost: of training: the time between the last checkpoint that was kept and the kill; 0 when it was made after.
    """

    how: str
    state: str
    seen: float
    again: float
    lost: float

    def __str__(self) -> str:
        times = f"dead after {self.seen:5.1f} s ({self.state}), running again after {self.again:5.1f} s"
        return f"{self.how:<28} {times}, {self.lost:4.1f} s of training lost"


@pytest.mark.slow
def test_a_run_survives_every_kill(root: Path, tmp_path: Path) -> None:
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
        first.start_reaper()  # a server on SQLite loses events when it is busy
        kills = [
            stage.kill("SIGTERM of the run", lambda: first.tell_run(signal.SIGTERM)),
            stage.kill("SIGKILL of the run", lambda: first.tell_run(signal.SIGKILL)),
            stage.kill("SIGTERM of the worker", first.worker.terminate, second.start_worker),
            stage.kill("SIGTERM of both", second.tell_both, lambda: third.start_container(stage.run)),
            stage.kill("SIGTERM of a container", third.stop_container, first.start_worker),
        ]
        print("", *kills, sep="\n")
        history = "\n".join(stage.watcher.history(stage.run))
        for kill in kills:
            asked = kill.how.startswith("SIGTERM")
            assert kill.state == ("AwaitingRetry" if asked else "Crashed"), history
            assert kill.seen < SEEN_S and kill.again < AGAIN_S, history
            assert kill.lost == 0 if asked else kill.lost < LOST_S, kill
        # Of five attempts none is left open; the server writes tasks down from events, which come late when it is busy.
        wait_for(
            "no task of an ended attempt is open", lambda: stage.watcher.open_attempts(stage.run) <= {6}, 60
        )
        assert not any(task.name.startswith("waits for the GPU") for task in stage.watcher.tasks(stage.run))
        assert second.worker.wait(60) == 0


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
        self.watcher.until(self.run, lambda now: now.state_type != StateType.RUNNING, 400)
        kept = self._newest()
        then()
        self.watcher.until(
            self.run, lambda now: now.run_count > attempt and now.state_type == StateType.RUNNING, 400
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
        )

    def _newest(self) -> float:
        """When the newest checkpoint was complete, seconds since the epoch."""
        return max(path.stat().st_mtime for path in self._store.glob("scratch/**/checkpoint-*.COMPLETE"))
