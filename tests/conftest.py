"""State goes to temporary folders; nothing a test does touches the user's home, store or Prefect profile."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import counterpoise  # noqa: F401 (before torch: how its threads wait)
from counterpoise.flows.prefect_settings import QUIET
from tests.browser import chromium, visit  # noqa: F401 (fixtures for every test that drives a browser)

PATIENCE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
os.environ.setdefault(PATIENCE, QUIET[PATIENCE])  # Prefect reads its settings when it is imported


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most slow tests first: when several processes share the files, the long ones do not end last."""
    slow = Counter(
        item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")
    )
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def isolated_state(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A command called in this process sets defaults in its environment, which later tests' processes would inherit."""
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    monkeypatch.setenv("COUNTERPOISE_STORE", str(home / "store"))
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parent.parent
