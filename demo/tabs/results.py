"""Results: what the votes say, as a table, as CSV, and in the run's report."""

from __future__ import annotations

import csv
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.errors import UsageError
from counterpoise.report.sections.votes import AGREEMENT, counted, vote_rows
from counterpoise.votes.records import Vote
from counterpoise.votes.statistics import summarise
from demo.highlight import html_table, notice
from demo.tabs.common import LIGHT, readable
from tasks.votes import report_with_votes

if TYPE_CHECKING:
    from artifacts.votes import VoteBox
    from demo.session import Session


def results_tab(session: Session, box: VoteBox) -> Any:
    """Builds the tab; returns the function that reads the votes, and its outputs."""
    results = _Results(session, box)
    table = gr.HTML(elem_id="results")
    with gr.Row():
        refresh = gr.Button("Count again", elem_id="refresh")
        csv_file = gr.DownloadButton("Votes as CSV", elem_id="csv")
        report = gr.DownloadButton("Report with these votes (some seconds)", elem_id="report")
    gr.Markdown(AGREEMENT)
    refresh.click(results.counted, None, table, api_name="results", **LIGHT)
    csv_file.click(results.as_csv, None, csv_file, api_visibility="private", **LIGHT)
    report.click(results.as_report, None, report, api_visibility="private", queue=False)
    return results.counted, table


class _Results:
    """Reads the votes and writes the two files."""

    def __init__(self, session: Session, box: VoteBox) -> None:
        self._data, self._box = session.data, box
        self._folder = Path(tempfile.mkdtemp(prefix="counterpoise-demo-"))
        self.counted = readable(self._counted)
        self.as_csv = readable(self._as_csv)
        self.as_report = readable(self._as_report)

    def _counted(self) -> str:
        votes = self._box.votes()
        lost = len(self._box.unreadable)
        warning = f"{lost} vote files cannot be read: {', '.join(self._box.unreadable[:3])}" if lost else ""
        if not votes:
            return notice(warning, "warning") + notice("No votes yet: “Judge blind” collects them.")
        summary = summarise(votes)
        titles, rows = vote_rows(summary)
        line = (
            f"{counted(summary.votes, 'vote')} by {counted(summary.raters, 'rater')} on "
            f"{counted(summary.items, 'pair')} of answers; judged by two raters or more: {summary.shared_items}."
        )
        return notice(warning, "warning") + notice(line) + html_table("Tuned against base", titles, rows)

    def _as_csv(self) -> str:
        path = self._folder / f"votes-{self._data.run}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(field.name for field in dataclasses.fields(Vote))
            for vote in self._box.votes():
                writer.writerow(_harmless(value) for value in dataclasses.astuple(vote))
        return str(path)

    def _as_report(self) -> str:
        votes = self._box.votes()
        if not votes:
            raise UsageError("there are no votes yet", "judge some answers first")
        path = self._folder / f"report-{self._data.run}.html"
        path.write_text(report_with_votes(self._data.store, self._data.record, votes).html, encoding="utf-8")
        return str(path)


def _harmless(value: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
