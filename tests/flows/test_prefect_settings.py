from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import httpx
import httpx2
import pytest

from counterpoise.errors import UsageError
from counterpoise.flows.prefect_settings import (
    HOME,
    LOOPBACK,
    ensure_home,
    exempt_loopback,
    is_writable,
    quiet_libraries,
    settle_proxies,
)


@pytest.mark.parametrize(
    ("given", "exempt"),
    [
        ({"HTTP_PROXY": "http://proxy"}, LOOPBACK),
        (
            {"https_proxy": "http://proxy", "NO_PROXY": "a.intern, localhost"},
            ("a.intern", " localhost", *LOOPBACK),
        ),
        ({"ALL_PROXY": "http://proxy", "no_proxy": "*"}, ("*",)),
    ],
)
def test_no_proxy_is_asked_for_this_machine(given: dict[str, str], exempt: tuple[str, ...]) -> None:
    exempt_loopback(given)
    assert given["no_proxy"] == given["NO_PROXY"] == ",".join(exempt)


def test_without_a_proxy_nothing_is_set() -> None:
    environment = {"HOME": "/root"}
    exempt_loopback(environment)
    assert environment == {"HOME": "/root"}


@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h", "http"])
def test_clients_start_behind_every_proxy_that_is_let_through(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://ann:secret@127.0.0.1:9/")
    settle_proxies(os.environ)
    httpx.Client().close()
    httpx2.Client().close()


def test_a_proxy_that_no_client_knows_is_named_without_its_password() -> None:
    with pytest.raises(UsageError, match=r"^all_proxy names a socks4:// proxy — .*unset all_proxy$"):
        settle_proxies({"all_proxy": "socks4://ann:secret@127.0.0.1:9", "no_proxy": "a://b"})


def test_no_library_talks_when_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("bitsandbytes"), "level", logging.NOTSET)
    quiet_libraries()
    assert logging.getLogger("bitsandbytes").level == logging.ERROR


def test_an_event_that_prefects_server_did_not_take_stays_off_the_terminal(tmp_path: Path) -> None:
    code = """
import logging
from counterpoise.flows.prefect_settings import quiet_defaults
quiet_defaults()
from prefect.logging.configuration import setup_logging
setup_logging()
logging.getLogger("prefect._internal.concurrency").error("Service %r failed to process item %r", "EventsWorker", 1)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {HOME: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout + ended.stderr == ""


def test_a_home_of_the_users_own_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="set PREFECT_HOME to one that can"):
        ensure_home({HOME: str(tmp_path / "file" / "prefect")})
    environment = {HOME: str(tmp_path / "new" / "prefect")}
    assert ensure_home(environment) == ""
    assert environment == {HOME: str(tmp_path / "new" / "prefect")}
    assert not (tmp_path / "new").exists()


def test_a_home_that_cannot_be_written_is_replaced_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment: dict[str, str] = {}
    said = ensure_home(environment)
    assert said.startswith("/dev/null/.prefect cannot be written")
    assert Path(environment[HOME]).parent == tmp_path
    assert is_writable(Path(environment[HOME]))


@pytest.mark.slow
def test_the_smoke_pipeline_behind_a_proxy_without_a_home_and_with_its_output_closed(
    tmp_path: Path, root: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    del environment[HOME]
    environment |= {
        "HOME": "/dev/null",
        "COUNTERPOISE_CACHE": str(tmp_path / "cache"),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "OMP_NUM_THREADS": "1",
    }
    run = [
        sys.executable,
        "-m",
        "counterpoise.flows.cli",
        "run",
        "--profile",
        "smoke",
        "--store",
        str(tmp_path / "store"),
    ]
    done = subprocess.run(
        ["sh", "-c", '"$@" <&- >&-', "sh", *run],
        capture_output=True, text=True, cwd=root, env=environment, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/dev/null/.prefect cannot be written" in done.stderr
    assert "✓ report" in done.stderr
