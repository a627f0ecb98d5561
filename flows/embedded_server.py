"""The Prefect server of a command where none is configured: a process of this one's, out of reach of its signals.

Prefect would start one too, in our process group: Ctrl-C and `timeout` end it together with the command, which then
asks a dead port for minutes how to end. Ours starts while the command is still importing.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from counterpoise.errors import CounterpoiseError

SCRIPT = Path(__file__).with_name("server_process.py")
OURS = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
POLL_S = 0.05
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmbeddedServer:
    """A Prefect server on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self._log = _log()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self._process = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, "-P", str(SCRIPT), str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log or subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **OURS},
        )
        atexit.register(self._let_go)

    def wait(self, seconds: float) -> str:
        """Its API's address, once it answers.

        Raises:
            CounterpoiseError: it ended, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self._process.poll() is not None:
                raise self._failed(f"ended with code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"did not answer within {seconds:.0f} s")
            time.sleep(POLL_S)
        return self.url

    def ended(self) -> CounterpoiseError | None:
        """What to say once it has ended while it was needed; None while it lives."""
        code = self._process.poll()
        return None if code is None else self._failed(f"ended with code {code}")

    def _answers(self) -> bool:
        try:
            with DIRECT.open(f"{self.url}/health", timeout=5):
                return True
        except OSError:
            return False

    def _failed(self, how: str) -> CounterpoiseError:
        last = ""
        if self._log:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return CounterpoiseError(
            f"the embedded Prefect server {how}" + (f": {last[:300]}" if last else ""),
            "`counterpoise doctor` looks for the cause; or start `prefect server start` and set PREFECT_API_URL",
        )

    def _let_go(self) -> None:
        """Ends it; Prefect's own last words to it have been said by now."""
        if self._process.stdin:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)


@functools.cache
def embedded_server() -> EmbeddedServer:
    """The one of this process, started now if it was not yet."""
    return EmbeddedServer()


@contextmanager
def prefect_server() -> Iterator[None]:
    """Inside the block flows have a server: the configured one, after it has answered, or the embedded one.

    Raises:
        CounterpoiseError: it does not answer, or the embedded one ended.
    """
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    ephemeral = get_current_settings().server.ephemeral
    if PREFECT_API_URL.value() or not ephemeral.enabled:
        from counterpoise.flows.deploying.server import check_server

        check_server()
        yield
        return
    server = embedded_server()
    import counterpoise.flows.debias  # noqa: F401 (takes as long as the server does to start)

    url = server.wait(ephemeral.startup_timeout_seconds)
    with temporary_settings({PREFECT_API_URL: url}):
        try:
            yield
        except Exception as error:
            if isinstance(error, CounterpoiseError) or not (ended := server.ended()):
                raise
            raise ended from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _log() -> IO[bytes] | None:
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None
