"""The command line as a person meets it: a real process, its exit code and what it prints."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.artifacts.store import Store
from counterpoise.flows.cli import COMMANDS
from tests.artifacts.making import commit, parts


def counterpoise(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "counterpoise.flows.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def test_help_lists_every_command(root: Path) -> None:
    done = counterpoise("--help", cwd=root)
    assert done.returncode == 0
    assert all(f"  {name}" in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, root: Path) -> None:
    done = counterpoise(name, "--help", cwd=root)
    assert done.returncode == 0, done.stderr
    assert "Usage: counterpoise" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("nonsense",), 2, "No such command"),
        (("plan", "--profile", "locl"), 2, "did you mean 'local'"),
        (("plan", "--set", "sed=1"), 2, "did you mean 'seed'"),
        (("run", "--set", "seed=many"), 2, "seed"),
        (("runs", "--store", "no/such/store"), 1, "no/such/store"),
        (("gc", "--min-age-hours", "nan"), 2, "no number of hours"),
        (("verify", "--store", "no/such/store"), 1, "no/such/store"),
        (("demo", "--store", "no/such/store"), 1, "no/such/store"),
        (("run", "--set", "pairs.source=missing.csv", "--set", "model.source=tiny"), 1, "missing.csv"),
    ],
)
def test_errors_are_one_line_with_the_right_code(
    arguments: tuple[str, ...], code: int, expected: str, tmp_path: Path, root: Path
) -> None:
    done = counterpoise(*arguments, cwd=root)
    assert done.returncode == code
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_where(root: Path) -> None:
    assert "Traceback" in counterpoise("--debug", "plan", "--set", "sed=1", cwd=root).stderr


def test_verify_shows_how_far_it_is_on_a_terminal_only(tmp_path: Path, root: Path) -> None:
    store = Store.open(tmp_path)
    for number in range(2):
        commit(store, parts(number=number), {"a": b"%d" % number})
    command = [sys.executable, "-m", "counterpoise.flows.cli", "verify", "--store", str(tmp_path)]
    terminal, its_end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        subprocess.run(command, stdout=subprocess.PIPE, stderr=its_end, cwd=root, check=True)
        os.close(its_end)
        assert b"2/2" in screen.read(65536)
    done = counterpoise("verify", "--store", str(tmp_path), cwd=root)
    assert (done.stdout, done.stderr) == ("every artifact is there with its size and hash\n", "")


def test_a_newer_versions_store_is_refused_in_one_line(tmp_path: Path, root: Path) -> None:
    (tmp_path / "format.json").write_text('{"format": "counterpoise-store", "version": 2}')
    done = counterpoise("runs", "--store", str(tmp_path), cwd=root)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "has version 2, this program reads version 1 — it was written by a newer version" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]
