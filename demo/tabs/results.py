"""Results: what the votes say, as a table, as CSV, and in the run's report."""

from __future__ import annotations

import csv
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from counterpoise.demo.highlight import html_table, notice
from counterpoise.demo.tabs.common import LIGHT, readable
from counterpoise.errors import UsageError
from counterpoise.flows.votes import report_with_votes
from counterpoise.report.votes import AGREEMENT, vote_rows
from counterpoise.report.words import counted
from counterpoise.votes.records import Vote
from counterpoise.votes.statistics import summarise

if TYPE_CHECKING:
    from counterpoise.artifacts.votes import VoteBox
    from counterpoise.demo.session import Session


def results_tab(session: Session, box: VoteBox) -> Any:
    """Builds the tab; returns the function that counts the votes, and its outputs."""
    results = _Results(session, box)
    table = gr.HTML(elem_id="results")
    with gr.Row():
        count = gr.Button("Count again", elem_id="count")
        csv_file = gr.DownloadButton("Votes as CSV", interactive=False, elem_id="csv")
    with gr.Row():
        make = gr.Button("Make the report with these votes (some seconds)", elem_id="make")
        report = gr.DownloadButton("Report with votes", interactive=False, elem_id="report")
    status = gr.HTML(elem_id="report-status", padding=False)
    gr.Markdown(AGREEMENT)
    outputs = [table, csv_file]
    count.click(results.counted, None, outputs, api_name="results", **LIGHT)
    make.click(results.made, None, [report, status], api_visibility="private", queue=False)
    return results.counted, outputs


class _Results:
    """Counts the votes and writes the two files, into a folder that ends with the demo."""

    def __init__(self, session: Session, box: VoteBox) -> None:
        self._data, self._box = session.data, box
        self._folder = tempfile.TemporaryDirectory(prefix="counterpoise-demo-")
        self.counted = readable(lambda: (self._counted(), self._csv()), lambda line: (line, gr.skip()))
        self.made = readable(self._report, lambda line: (gr.DownloadButton(interactive=False), line))

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

    def _csv(self) -> Any:
        votes = self._box.votes()
        path = Path(self._folder.name) / f"votes-{self._data.run}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(field.name for field in dataclasses.fields(Vote))
            for vote in votes:
                writer.writerow(_harmless(value) for value in dataclasses.astuple(vote))
        return gr.DownloadButton(value=str(path), interactive=bool(votes))

    def _report(self) -> Any:
        votes = self._box.votes()
        if not votes:
            raise UsageError("there are no votes yet", "judge some answers first")
        path = Path(self._folder.name) / f"report-{self._data.run}.html"
        path.write_text(report_with_votes(self._data.store, self._data.record, votes).html, encoding="utf-8")
        return gr.DownloadButton(value=str(path), interactive=True), notice("The report is ready.")


def _harmless(value: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
