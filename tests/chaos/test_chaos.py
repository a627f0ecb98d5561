"""A small share of ``make chaos``: the smoke pipeline killed ten times, and its bytes compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def chaos(root: Path, folder: Path, *arguments: str) -> dict[str, dict[str, object]]:
    """The figures of a run of the chaos command, in a process without threads."""
    out = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", *arguments, "--folder", folder, "--out", out],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    figures: dict[str, dict[str, object]] = json.loads(out.read_text(encoding="utf-8"))
    return figures


def test_ten_kills_and_the_same_bytes(root: Path, tmp_path: Path) -> None:
    found = chaos(root, tmp_path, "smoke", "--kills", "10", "--seed", "7")["smoke"]
    assert found["kills"] == 10
    assert found["different"] == []
    # Thirteen stages or more, each with at least one file, in at least one run.
    assert int(str(found["files_compared"])) >= 13
