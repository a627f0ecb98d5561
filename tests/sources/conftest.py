"""A real HTTP server in a thread that can misbehave, and wheels made by hand that real pip downloads."""

from __future__ import annotations

import hashlib
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from counterpoise.sources.source import Kind, Source

CONTENT = bytes(range(256)) * 40
"""10,240 bytes in which every place can be told from its neighbours."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Mirror:
    """What the server does with ``/file``, request by request.

    Attributes:
        faults: one word for each coming request; when they are used up it behaves. ``500``, ``404`` and other
            numbers are statuses; ``cut:N`` ends the connection after N bytes; ``stall`` sends nothing for a
            second; ``lie`` sends other bytes of the same length; ``long`` sends more than it should;
            ``unsized`` sends no length.
        ranges: whether byte ranges are honoured.
    """

    url: str
    content: bytes = CONTENT
    ranges: bool = True
    faults: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    @property
    def starts(self) -> list[str]:
        """The byte range that each request asked for; empty for the whole."""
        return [headers.get("Range", "") for headers in self.requests]


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a client hangs up: here clients are meant to."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mirror: Mirror

    def do_GET(self) -> None:
        mirror = self.mirror
        mirror.requests.append(dict(self.headers))
        fault = mirror.faults.pop(0) if mirror.faults else ""
        if fault.isdigit():
            self.send_error(int(fault))
            return
        if fault == "stall":
            time.sleep(1)
            self.close_connection = True
            return
        self._send(mirror, fault)

    def _send(self, mirror: Mirror, fault: str) -> None:
        body = bytes(reversed(mirror.content)) if fault == "lie" else mirror.content
        body = body + b"more" if fault == "long" else body
        asked = self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and mirror.ranges else 0
        if start >= len(body) > 0 and start:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if fault == "unsized":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = int(fault.removeprefix("cut:")) if fault.startswith("cut:") else len(body)
        self.wfile.write(body[start : start + cut])
        self.close_connection = bool(fault)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Mirror]]:
    """Starts a mirror; give it attributes of :class:`Mirror`."""
    servers = []

    def start(**attributes: object) -> Mirror:
        handler = type("Handler", (_Handler,), {})
        server = QuietServer(("127.0.0.1", 0), handler)
        handler.mirror = Mirror(f"http://127.0.0.1:{server.server_port}/file", **attributes)  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return handler.mirror

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def a_source(
    *uris: str, content: bytes = CONTENT, kind: Kind = "file", sha: str = "", size: int | None = -1
) -> Source:
    return Source(
        name="sample",
        kind=kind,
        uris=uris,
        sha256=sha or sha256(content),
        size=len(content) if size == -1 else size,
        filename="sample.bin",
        licence="",
        citation="",
    )


def make_wheel(folder: Path, name: str, members: dict[str, bytes | zipfile.ZipInfo]) -> Path:
    """A wheel that pip accepts; a member given as ZipInfo goes in as it is, holding ``target``."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            if isinstance(data, zipfile.ZipInfo):
                archive.writestr(data, b"target")
            else:
                archive.writestr(path, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only package index pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
