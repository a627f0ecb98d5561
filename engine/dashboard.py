"""What the Prefect dashboard shows of a run: its report, its numbers as a table, and moving progress.

Artifact keys are the same in every run, so the dashboard shows each one's history across runs. Nothing is
published outside a flow or task run. A server that is away costs what it would have shown, never the work.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

import httpx
from prefect import runtime
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_UI_URL

from counterpoise.engine.front_page import front_page, laid_out
from counterpoise.measures.results import Results
from counterpoise.measures.sweeps import SweepResults
from counterpoise.report.sweep.views import paired_table
from counterpoise.report.tables import Table
from counterpoise.report.views import score_table
from counterpoise.report.words import plain

REPORT_KEY = "report"
WHOLE_KEY = "report-whole"
SCORES_KEY = "scores"
STAGES_KEY = "stages"
COMPARISON_KEY = "comparison"
TESTS_KEY = "paired-tests"
PAGES = {"artifact": "artifacts/artifact", "flow-run": "runs/flow-run"}
"""Where the dashboard shows a thing, below its own address."""
SERVER_FAILS = (httpx.HTTPError, PrefectException)
"""What Prefect's client raises, after its own retries, when the server is away or refuses."""
SERVER_AWAY_S = 60.0
"""Seconds without a new try after the server did not take a progress bar."""
MAX_ROWS = 200
"""Rows of a dashboard table; longer ones make the page slow."""
MAX_MARKDOWN_BYTES = 500_000
"""The dashboard loads an artifact as one value; beyond this size it becomes slow."""

_LOG = logging.getLogger(__name__)

Cell = str | int | float | bool | None


def in_run() -> bool:
    """Whether a flow or task run is there for an artifact to belong to."""
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None


def publish_report(markdown: str, results: Results, stages: Sequence[Mapping[str, Any]]) -> None:
    """Shows a report, its scores and the run's stages in the dashboard; does nothing outside a run.

    The first page is short and links to the whole report and to the two tables of its own run, and they to the run.

    Args:
        markdown: the report, charts inside as data URIs; if it is over 500 KB, its charts are left out.
        results: the report's numbers, whose sentence becomes the artifact's description.
        stages: a row a stage.
    """
    if not in_run():
        return
    with _shown("the report"):
        _publish_report(markdown, results, stages)


@contextmanager
def _shown(what: str) -> Iterator[None]:
    """Where the server does not take ``what``, one warning instead of a failed run: the store has it already."""
    try:
        yield
    except SERVER_FAILS as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        _LOG.warning(
            "Prefect's dashboard lacks %s of this run: the server did not take it (%s) — the run goes on",
            what, reason,
        )  # fmt: skip


def _publish_report(markdown: str, results: Results, stages: Sequence[Mapping[str, Any]]) -> None:
    verdict, whole = results.verdict, fitting(laid_out(markdown))
    parts = {
        "the whole report": create_markdown_artifact(whole, key=WHOLE_KEY, description=verdict.sentence),
        "scores as a table": _table(SCORES_KEY, cells(score_table(results.measures)), verdict.headline),
        "what each stage did": _table(STAGES_KEY, stages, "What each stage did, and its artifact's key"),
    }
    links = [link(text, "artifact", artifact) for text, artifact in parts.items()]
    more = [f"More: {' · '.join(links)}"] if all(links) else []
    text = "\n\n".join([front_page(whole), *more])
    create_markdown_artifact(text, key=REPORT_KEY, description=verdict.sentence)


def link(text: str, kind: str, identifier: object) -> str:
    """A Markdown link to a page of the dashboard, or nothing where its address is not known (embedded server).

    Args:
        kind: ``artifact`` or ``flow-run``.
    """
    base = PREFECT_UI_URL.value()
    return f"[{text}]({base.rstrip('/')}/{PAGES[kind]}/{identifier})" if base and identifier else ""


def publish_comparison(markdown: str, results: SweepResults) -> None:
    """Shows a sweep's comparison and its paired tests in the dashboard; does nothing outside a run."""
    if not in_run():
        return
    with _shown("the comparison"):
        create_markdown_artifact(fitting(markdown), key=COMPARISON_KEY, description=results.sentence)
        _table(TESTS_KEY, cells(paired_table(results.tests)), description=results.headline)


def publish_table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """Shows rows as a table in the dashboard, its description linked to the run; does nothing outside a run.

    Args:
        key: lower-case letters, digits and dashes; the same in every run.
        rows: at most :data:`MAX_ROWS` are shown, and the description says so.
    """
    if not in_run():
        return
    with _shown(f"the table {key!r}"):
        _table(key, rows, description)


def _table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> UUID:
    shown = [{name: cell(value) for name, value in row.items()} for row in islice(rows, MAX_ROWS)]
    more = f" (first {MAX_ROWS} of {len(rows):,} rows)" if len(rows) > MAX_ROWS else ""
    run = link("its run", "flow-run", runtime.flow_run.id)
    text = description + more + (f" · {run}" if run else "")
    return create_table_artifact(shown, key=key, description=text)  # type: ignore[return-value]


def cell(value: Any) -> Cell:
    """A value the dashboard can show: plain scalars as they are, NumPy's as Python's, the rest as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if isinstance(plain, float):
        return round(plain, 4) if math.isfinite(plain) else str(plain)
    return plain if isinstance(plain, str | bool | int) else str(plain)


def fitting(markdown: str) -> str:
    """``markdown`` if the dashboard can carry it, else without its charts."""
    if len(markdown.encode()) <= MAX_MARKDOWN_BYTES:
        return markdown
    kept = [line for line in markdown.splitlines() if not (line.startswith("![") and "](data:" in line)]
    note = "*The charts are left out here, being too large for the dashboard; the HTML report has them.*"
    return "\n".join([note, "", *kept])


def cells(table: Table) -> list[dict[str, Cell]]:
    """A report's table as the dashboard takes it."""
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, map(plain, row.cells), strict=True)) for row in table.rows]


class ProgressArtifact:
    """A progress bar in the dashboard that moves in whole percents; silent outside a run.

    A server that is away costs the bar, never the work: it is tried again after :data:`SERVER_AWAY_S`.
    """

    def __init__(self, key: str, description: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._key, self._description = key, description
        self._clock = clock
        self._id: UUID | None = None
        self._shown = -1
        self._not_before = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Moves the bar; calls that change nothing visible cost nothing."""
        percent = 100 * done // total if total else 100
        if percent == self._shown or self._clock() < self._not_before or not in_run():
            return
        try:
            self._show(percent)
            self._shown = percent
        except SERVER_FAILS:
            self._not_before = self._clock() + SERVER_AWAY_S

    def _show(self, percent: int) -> None:
        if self._id is None:
            self._id = create_progress_artifact(float(percent), key=self._key, description=self._description)  # type: ignore[assignment]
        else:
            update_progress_artifact(self._id, float(percent))
