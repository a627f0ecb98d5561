"""One run, killed five ways inside training, on three machines: what each kill came to.

The processes have the signal handling that systemd, a login shell or a container gives them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect.client.schemas.objects import StateType

from tests.flows.machines import Machine, Server, wait_for
from tests.flows.watching import LONG, Watcher, everything_stopped_after


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


@dataclass(frozen=True)
class Survived:
    """What became of the run's first five attempts.

    Attributes:
        history: every state that the run came into: when, which, and why.
        tasks: names of the tasks of every attempt.
        worker_code: exit code of the worker that was told to stop beside its run.
    """

    kills: list[Kill]
    history: str
    tasks: list[str]
    worker_code: int


def five_kills(root: Path, folder: Path, environment: Mapping[str, str]) -> Survived:
    """Plays it: a server and three machines that share a folder."""
    server, store = Server(folder / "server", environment), folder / "store"
    given = {**environment, "PREFECT_API_URL": server.url, "OMP_NUM_THREADS": "1"}
    machines = [Machine(name, folder / name, root, given) for name in ("first", "second", "third")]
    first, second, third = machines
    with everything_stopped_after(server, *machines):
        server.start()
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
        # Of five attempts none is left open; the server writes tasks down from events, which come late when it is busy.
        wait_for(
            "no task of an ended attempt is open", lambda: stage.watcher.open_attempts(stage.run) <= {6}, 60
        )
        history = "\n".join(stage.watcher.history(stage.run))
        tasks = [task.name for task in stage.watcher.tasks(stage.run)]
        return Survived(kills, history, tasks, second.worker.wait(60))


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
