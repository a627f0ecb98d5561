"""State goes to temporary folders; nothing a test does touches the user's home, store or Prefect profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import chromium, visit  # noqa: F401 (fixtures for every test that drives a browser)


@pytest.fixture(autouse=True)
def isolated_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    monkeypatch.setenv("COUNTERPOISE_STORE", str(home / "store"))
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    monkeypatch.setenv("DO_NOT_TRACK", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parent.parent
