"""The browser fixture itself: it sees requests, and knows which of them leave the machine."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.browser import Visit

pytestmark = pytest.mark.browser

PAGE = b'<link rel="icon" href="data:,"><h1>here</h1><img src="http://elsewhere.invalid/pixel.png">'


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def test_requests_are_recorded_and_foreign_ones_named(server: str, visit: Callable[..., Visit]) -> None:
    seen = visit(server)
    assert seen.page.inner_text("h1") == "here"
    assert seen.requests[0] == server
    assert seen.foreign == ["http://elsewhere.invalid/pixel.png"]
