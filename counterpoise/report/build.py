"""From a run's records to its report: Markdown, one HTML file, charts, and the numbers for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.charts.style import Chart
from counterpoise.measures.results import Results
from counterpoise.report import figures, tables, views
from counterpoise.report.examples import chosen_examples
from counterpoise.report.findings import Findings, findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.rendering import to_html, to_markdown
from counterpoise.report.votes import vote_section


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report. The same inputs give the same bytes; there is no time or machine in it.

    Attributes:
        markdown: for Prefect's dashboard: charts inside as data URIs.
        html: one self-contained page.
        charts: file name (``scores.svg``, ``scores.png``, …) → bytes.
        results: the numbers, which the other programs read.
    """

    markdown: str
    html: str
    charts: Mapping[str, bytes]
    results: Results


def build_report(inputs: ReportInputs) -> Report:
    """The report of one finished run.

    Raises:
        DataError: a held-out pair, a neutral sentence or a continuation lacks its score.
    """
    found = findings(inputs)
    charts = _charts(found)
    said: dict[str, Any] = {
        "inputs": inputs,
        "found": found,
        "charts": charts,
        "views": views,
        "tables": tables,
        "examples": chosen_examples(found.texts, inputs.run.seed),
        "votes": vote_section(inputs.votes),
        "config": json.dumps(inputs.run.config, indent=1, sort_keys=True, ensure_ascii=False),
    }
    files = chart_files(chart for chart in charts.values() if chart)
    return Report(to_markdown("page.j2", **said), to_html("page.j2", **said), files, found.results)


def chart_files(charts: Iterable[Chart]) -> dict[str, bytes]:
    """Each chart as two files: name → bytes."""
    return {f"{chart.name}.{kind}": getattr(chart, kind) for chart in charts for kind in ("svg", "png")}


def _charts(found: Findings) -> dict[str, Chart | None]:
    measures = found.results.measures
    first = found.trainings[0]
    distribution, groups = figures.toxicity(measures, found.texts) or (None, None)
    return {
        "scores": figures.scores(measures),
        "tradeoff": figures.tradeoff(measures, first),
        "distribution": distribution,
        "groups": groups,
        "training": figures.curves(first),
    }
