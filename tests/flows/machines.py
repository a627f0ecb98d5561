"""A Prefect server that can be restarted, and machines with a worker that can vanish. All real processes."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Pending

from counterpoise.flows.deploying.pools import template
from counterpoise.flows.deploying.slots import LASTING, LEASES

T = TypeVar("T")
DEFAULT_SIGNALS = ("env", "--default-signal=TERM,INT,HUP")
"""As systemd, a login shell or a container starts a process; a test may itself run with some of them ignored."""


def wait_for(what: str, look: Callable[[], T], seconds: float, every: float = 0.5) -> T:
    """The first true value of ``look``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"after {seconds:.0f} s: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A Prefect server with a database that survives :meth:`restart`."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self._home = home
        self._environment = {**environment, "PREFECT_HOME": str(home), LEASES: LASTING}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        with (self._home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], env=self._environment, stdout=log, stderr=log
            )
        wait_for("the server is up", self._up, 240)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _up(self) -> bool:
        assert self._process and self._process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                return True
        except OSError:
            return False


class Machine:
    """A machine of its own: HOME, working folder and a copy of the checkout, with one worker.

    What else it has in its environment is given: these are made in threads, beside tests that change this process's.
    """

    def __init__(self, name: str, home: Path, root: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.home = home
        self.checkout = home / "checkout"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "counterpoise", self.checkout / "counterpoise", ignore=ignored)
        self.environment = {
            **environment,
            "HOME": str(home),
            "PREFECT_HOME": str(home / "prefect"),
            "COUNTERPOISE_CACHE": str(home / "cache"),
            "PYTHONPATH": str(self.checkout),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        self._worker: subprocess.Popen[bytes] | None = None
        self._more: list[subprocess.Popen[bytes]] = []
        self.container: subprocess.Popen[bytes] | None = None

    def counterpoise(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "counterpoise.flows.cli", *arguments],
            cwd=self.home, env=self.environment, capture_output=True, text=True, check=False, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_worker(self) -> None:
        self._worker = self._start("-m", "counterpoise.flows.cli", "worker", "--name", self.name)

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        """The worker's process."""
        assert self._worker
        return self._worker

    def start_container(self, run: UUID) -> None:
        """Starts a run as a docker or kubernetes pool does: its worker claims the run, one process carries it out.

        Without the claim the run would keep the slot of its last attempt, which the server has taken back.
        """
        with SyncPrefectClient(self.environment["PREFECT_API_URL"]) as client:
            claimed = client.set_flow_run_state(run, Pending())
        assert claimed.status == SetStateStatus.ACCEPT, claimed
        properties = template("docker", {})["variables"]["properties"]
        environment = properties["env"]["default"] | {"PREFECT__FLOW_RUN_ID": str(run)}
        _, *arguments = shlex.split(properties["command"]["default"])
        self.container = self._start(*arguments, **environment)
        self._more.append(self.container)

    def start_reaper(self) -> None:
        self._more.append(
            self._start("-m", "counterpoise.flows.cli", "reap", "--every", "15", "--silence", "90")
        )

    def flow_processes(self) -> list[psutil.Process]:
        """The processes that run a flow, of this machine's worker."""
        if not self._worker or self._worker.poll() is not None:
            return []
        children = psutil.Process(self._worker.pid).children(recursive=True)
        return [child for child in children if "prefect.engine" in " ".join(_command(child))]

    def tell_run(self, number: signal.Signals) -> None:
        """Sends a signal to the one run's process alone."""
        (process,) = self.flow_processes()
        process.send_signal(number)

    def tell_both(self) -> None:
        """SIGTERM to worker and run, as systemd stops a service."""
        self.worker.terminate()
        self.tell_run(signal.SIGTERM)

    def stop_container(self) -> None:
        """SIGTERM to the container, as `docker stop` or a pod's eviction begins."""
        assert self.container
        self.container.terminate()

    def vanish(self, notice_s: float) -> None:
        """Everything on it is gone at once; with notice, as a spot machine gives it, the worker gets SIGTERM before."""
        assert self._worker
        flows = self.flow_processes()
        if notice_s:
            self._worker.terminate()
            time.sleep(notice_s)
        self._worker.kill()
        for process in flows:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.stop()

    def stop(self) -> None:
        for process in [*([self._worker] if self._worker else []), *self._more]:
            for flow in self.flow_processes():
                flow.kill()
            process.kill()
            process.wait(30)

    def log(self) -> str:
        path = self.home / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.home / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [*DEFAULT_SIGNALS, sys.executable, *arguments],
                cwd=self.home, env={**self.environment, **environment}, stdout=log, stderr=log,
            )  # fmt: skip


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def mailbox() -> Iterator[tuple[str, list[str]]]:
    """An HTTP address that keeps what is posted to it."""
    letters: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            letters.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", letters
    finally:
        server.shutdown()
