"""The table of what `benchmarks.survival` measured, for the terminal and for docs/publish.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS
from benchmarks.page import missing, table, where
from counterpoise.measures.measure import Measure
from counterpoise.measures.results import measure_from
from counterpoise.report.words import changed, plain, span, value

FILE = RESULTS / "survival.json"
BEGIN, END = "<!-- survival -->", "<!-- /survival -->"
TITLES = (
    "form",
    "score, %",
    "shared tokens, %",
    "perplexity",
    "usable text, %",
    "shift kept",
    "rounding, nats",
)


def committed(file: Path = FILE) -> dict[str, Any] | None:
    """What was measured; None before anything was."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def rows_of(result: dict[str, Any]) -> list[list[str]]:
    """A row a form: base → tuned with the change and its interval, and what is left of the shift."""
    return [
        [
            form["form"],
            *(_cell(measure_from(row)) for row in form["measures"]),
            f"{form['kept']:.2f}",
            f"{form['rounding']:.2f}",
        ]
        for form in result["forms"]
    ]


def _cell(measure: Measure) -> str:
    said = [changed(measure), *([span(measure)] if measure.interval else [])]
    return plain(f"{value(measure, 'base')} → {value(measure, 'tuned')} ({'; '.join(said)})")


def page(text: str, result: dict[str, Any] | None) -> str:
    """docs/publish.md with the table between its marks; without a result, how to get one."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{_said(result)}\n{END}{after}"


def _said(result: dict[str, Any] | None) -> str:
    if result is None:
        return missing("python -m benchmarks.survival --store store --tools tools")
    return f"{where(result)}\n\n{table(TITLES, rows_of(result))}"
