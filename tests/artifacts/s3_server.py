"""A real S3 server on this machine (moto's), with faults injected between it and its client."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environ = dict[str, Any]
Start = Callable[..., Any]


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that match.

    Attributes:
        kind: ``500``, ``503``, ``slow`` (bytes trickle), ``hang`` (no answer in time), ``cut`` (half the
            body), ``lie`` (one bit of the body flipped), ``reset`` (connection closed without an answer),
            ``lost`` (done, then closed without an answer), ``silent`` (done, then open without an answer).
        method: HTTP method it applies to.
        part: text that the path must contain.
        times: how many requests.
    """

    kind: str
    method: str = "GET"
    part: str = ""
    times: int = 1

    def takes(self, environ: Environ) -> bool:
        path = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        if self.times > 0 and environ["REQUEST_METHOD"] == self.method and self.part in path:
            self.times -= 1
            return True
        return False


@dataclass
class S3Server:
    """The server; add to ``faults`` to make it misbehave.

    Attributes:
        requests: method and path of everything asked since the last :meth:`clear`.
    """

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    injected: int = 0

    def clear(self) -> None:
        self.faults.clear()
        self.requests.clear()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        fault = next((fault for fault in self.faults if fault.takes(environ)), None)
        if fault is None:
            return _APPLICATION(environ, start)
        self.injected += 1
        return getattr(self, f"_{'status' if fault.kind.isdigit() else fault.kind}")(fault, environ, start)

    def _status(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        code = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}[fault.kind]
        start(f"{fault.kind} {code}", [("Content-Type", "application/xml")])
        return [
            f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        ]

    def _hang(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        time.sleep(1.5)
        return _APPLICATION(environ, start)

    def _reset(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    def _lost(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        list(_APPLICATION(environ, lambda *args: lambda data: None))
        return self._reset(fault, environ, start)

    def _silent(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        list(_APPLICATION(environ, lambda *args: lambda data: None))
        raise ConnectionAbortedError  # the server then waits for the next request

    def _cut(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        body = b"".join(_APPLICATION(environ, start))
        yield body[: len(body) // 2]
        raise ConnectionAbortedError

    def _lie(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        # Without the checksum that the client would check: only our own hash can tell.
        def honest(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, [h for h in headers if not h[0].lower().startswith("x-amz-checksum")], *rest)

        body = bytearray(b"".join(_APPLICATION(environ, honest)))
        body[len(body) // 2] ^= 1
        return [bytes(body)]

    def _slow(self, fault: Fault, environ: Environ, start: Start) -> Iterable[bytes]:
        body = b"".join(_APPLICATION(environ, start))
        step = -(-len(body) // 20)
        for position in range(0, len(body), step):
            time.sleep(0.05)
            yield body[position : position + step]


_APPLICATION = DomainDispatcherApplication(create_backend_app)


@contextmanager
def running() -> Iterator[S3Server]:
    """An S3 server on a free port of 127.0.0.1."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    application = S3Server()
    server = make_server("127.0.0.1", 0, application, threaded=True)
    application.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        thread.join()
