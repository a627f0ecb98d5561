"""What is told of a stage that is tried again: by the terminal in words, by all who listen without a fault."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from counterpoise.artifacts.store import Store
from counterpoise.config import RunConfig
from counterpoise.engine.reporting import Reporters
from counterpoise.engine.runlog import RunLog
from counterpoise.errors import UnreachableError
from counterpoise.flows.reporters import ConsoleReporter, DashboardReporter, SilentReporter


def test_a_stage_that_is_tried_again_says_why_and_when(tmp_path: Path) -> None:
    shown = io.StringIO()
    console = ConsoleReporter(Console(file=shown, width=120))
    log = RunLog(Store.open(str(tmp_path / "store")), "20260101-000000-0a1b2c3d", RunConfig())
    everyone = Reporters([console, SilentReporter(), DashboardReporter(), log])
    everyone.started("dataset")
    everyone.retrying("dataset", UnreachableError("mirror away", "try later"), 2.0)
    assert shown.getvalue() == f"↻ {'dataset':<24} tried again in 2 s: mirror away — try later\n"
