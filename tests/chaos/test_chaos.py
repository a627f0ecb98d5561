"""A small share of ``make chaos``: kills of the smoke pipeline, and every fault on a pipeline of toys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def python(root: Path, *arguments: str | Path) -> str:
    """What a module run in a process without threads prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def toys(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("toys")
    found: dict[str, Any] = json.loads(python(root, "tests.chaos.on_toys", folder, "30", "0.1"))
    print(f"{found['kills']} kills, {sum(found['injected'].values())} faults: {found['injected']}")
    return found


def test_toys_killed_and_damaged_end_with_the_same_bytes(toys: dict[str, Any]) -> None:
    assert toys["different"] == []
    assert toys["kills"] == 30
    assert len(toys["by_stage"]) >= 5


def test_every_kind_of_fault_was_tried(toys: dict[str, Any]) -> None:
    kinds = " ".join(toys["injected"])
    for fault in ("file-size limit", "swapped", "checkpoint:", "shard:", "moved", "clock", "at once", "S3:"):
        assert fault in kinds, fault


def test_refusals_are_one_line_with_a_remedy(toys: dict[str, Any]) -> None:
    for message in toys["messages"].values():
        assert " — " in message
        assert "\n" not in message


@pytest.mark.slow
def test_ten_kills_of_the_smoke_pipeline(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    python(
        root, "benchmarks.chaos", "smoke", "--kills", "10", "--seed", "7", "--folder", tmp_path, "--out", out
    )
    found = json.loads(out.read_text(encoding="utf-8"))["smoke"]
    assert found["kills"] == 10
    assert found["different"] == []
    # Thirteen stages or more, each with at least one file, in at least one run.
    assert found["files_compared"] >= 13
