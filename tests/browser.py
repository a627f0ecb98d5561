"""Debian's chromium, driven through playwright: one browser a test module, every request on record.

Playwright's own downloads are never used. Its synchronous interface keeps an event loop running in the thread
that started it, in which Prefect could start none; so the browser ends with the module that asked for it
instead of living as long as the session.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

EXECUTABLE = shutil.which("chromium")
REQUIRED = "COUNTERPOISE_REQUIRE_BROWSER"
"""Set where a missing browser must fail the tests instead of skipping them: in continuous integration."""

TIMEOUT_MS = int(os.environ.get("COUNTERPOISE_BROWSER_TIMEOUT_MS", "120000"))
"""How long a page may take for anything; a crowded machine needs more."""

SCREENSHOTS = Path(__file__).resolve().parent.parent / "screenshots"
PHONE = (375, 812)
LOCAL = {"127.0.0.1", "localhost"}


@dataclass
class Visit:
    """A page in a context of its own (as a new visitor's), with all it asked for and complained about.

    Attributes:
        page: playwright's page.
        requests: the address of every request, in order.
        errors: what the page's scripts raised.
        logged: what the page's console shows as errors, the browser's own remarks included.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> list[str]:
        """Requests that left this machine."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme in {"http", "https", "ws", "wss"} and urlsplit(url).hostname not in LOCAL
        ]

    def screenshot(self, name: str, **options: Any) -> Path:
        """The page as a PNG in the git-ignored folder ``screenshots/``, for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=options.pop("full_page", True), **options)
        return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A started browser; where there is none the test is skipped, or fails where one is required."""
    if EXECUTABLE is None:
        message = "no chromium on this machine: apt-get install --no-install-recommends chromium"
        if os.environ.get(REQUIRED):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        # --no-sandbox: containers run as root; the tests open pages of this machine alone.
        # The other two keep chromium itself from calling home, so that what is recorded is the page's own.
        browser = driver.chromium.launch(
            executable_path=EXECUTABLE,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """``visit(url, size=(width, height), dark=False, **context_options)`` opens a page; closed afterwards."""
    contexts = []

    def opened(url: str, size: tuple[int, int] = (1280, 900), dark: bool = False, **options: Any) -> Visit:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **options,
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("websocket", lambda socket: seen.requests.append(socket.url))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on(
            "console", lambda message: seen.logged.append(message.text) if message.type == "error" else None
        )
        seen.page.goto(url)
        return seen

    yield opened
    for context in contexts:
        context.close()
