"""Output as it may be: closed, full, read by nobody any more, narrow, or without the signs that are printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table as RichTable

from counterpoise.artifacts.store import Ref, Store
from counterpoise.engine.execute import Outcome
from counterpoise.flows.reporters import ConsoleReporter, console_reporter, finished_line
from counterpoise.measures.crows import adjust, score_measure
from counterpoise.measures.measure import Measures
from counterpoise.report.terminal import rich_table
from counterpoise.report.views import score_table

HEADLINE = "Nearer to neutral: 59.2 → 54.9 %, and every other claim that the report makes holds too"
NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A store with four hundred runs."""
    store = Store.open(tmp_path)
    config = {"seed": 0, "pairs": {"evaluate": [0]}}
    for number in range(400):
        common = {
            "status": "completed",
            "profile": "local",
            "config": config,
            "stages": [],
            "started": 1.0 + number,
        }
        store.write_run(
            f"20260101-000000-{number:08d}",
            {"run": f"20260101-000000-{number:08d}", **common, "headline": HEADLINE},
        )
    return tmp_path


def shell(command: str, store: Path, root: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """``command`` with ``cp`` for the program; a pipe's parts all count, as under ``set -o pipefail``."""
    program = f'cp() {{ {sys.executable} -m counterpoise.flows.cli "$@" --store {store}; }}; set -o pipefail; {command}'
    return subprocess.run(
        ["bash", "-c", program], capture_output=True, cwd=root, env={**os.environ, **environment}, check=False
    )


def test_head_is_fine(runs: Path, root: Path) -> None:
    done = shell("cp runs --limit 400 | head -1", runs, root)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"run ")


def test_a_pipe_is_never_cut(runs: Path, root: Path) -> None:
    done = shell("cp runs", runs, root)
    assert HEADLINE in done.stdout.decode()
    assert "…" not in done.stdout.decode()


def test_a_full_disk_is_one_line(runs: Path, root: Path) -> None:
    done = shell("cp runs > /dev/full", runs, root)
    assert (done.returncode, done.stderr) == (1, b"counterpoise: standard output: No space left on device\n")


def test_a_closed_output_is_one_line_and_the_work_is_done(runs: Path, root: Path) -> None:
    done = shell("cp verify >&-", runs, root)
    assert done.returncode == 0
    assert done.stderr == b"counterpoise: standard output is closed; nothing is printed on it\n"


def test_a_closed_input_is_one_line(root: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m counterpoise.flows.cli swap <&-"],
        capture_output=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_an_output_that_lacks_a_sign_shows_another(encoding: str, runs: Path, root: Path) -> None:
    done = shell("cp runs", runs, root, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert b"59.2 ? 54.9 %" in done.stdout
    as_json = shell("cp runs --json", runs, root, PYTHONIOENCODING=encoding)
    assert json.loads(as_json.stdout)[0]["headline"] == HEADLINE


def test_an_ascii_output_is_taken_for_utf_8(runs: Path, root: Path) -> None:
    done = shell("cp runs && cp runs --json", runs, root, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")


def scores() -> RichTable:
    """1,508 pairs and two categories of them; of one, every pair comes to prefer the stereotype."""
    measures = [
        score_measure(np.array([[1.0, -1.0]] * 200 + [[1.0, 1.0]] * 700 + [[-1.0, -1.0]] * 608)),
        *adjust(
            [
                score_measure(np.array([[-1.0, 1.0]] * 9), group=name)
                for name in ("physical-appearance", "age")
            ]
        ),
    ]
    return rich_table(score_table(Measures(measures)), "title")


@pytest.mark.parametrize("width", [40, 60, 72])
def test_a_narrow_terminal_loses_words_never_numbers(width: int) -> None:
    wide, narrow = StringIO(), StringIO()
    Console(file=wide, width=200).print(scores())
    Console(file=narrow, width=width).print(scores())
    assert max(map(len, narrow.getvalue().splitlines())) <= width
    assert sorted(NUMBERS.findall(narrow.getvalue())) == sorted(NUMBERS.findall(wide.getvalue()))


def outcome(label: str) -> Outcome:
    ref = Ref("scores", "k" * 64, "s" * 64, label, 1_234_567, ())
    return Outcome(label, "scores", 0, "computed", ref, 12345.6, "changed: config alignment.loss.beta")


@pytest.mark.parametrize("width", [40, 60, 72, 200])
def test_a_stages_line_keeps_its_numbers(width: int) -> None:
    screen = StringIO()
    label = "benchmarks-base · fold 0"
    reporter = ConsoleReporter(Console(file=screen, width=width))
    reporter.finished(outcome(label))
    (line,) = screen.getvalue().splitlines()
    assert len(line) <= width
    assert "1,234,567 rows" in line
    assert "12345.6 s" in line
    assert (label in line) == (width >= 60)
    assert finished_line(outcome("a"), 10_000).endswith("changed: config alignment.loss.beta")


def test_a_screen_that_is_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", gone)
        reporter = console_reporter()
        reporter.finished(outcome("scores"))
        reporter.failed("scores", ValueError())
        with pytest.raises(BrokenPipeError):
            gone.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
