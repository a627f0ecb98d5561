"""`counterpoise runs`: the runs in the store, newest first."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option

LISTED = 20
"""Runs listed for people, unless they ask for another number."""
COLUMNS = {"run": 24, "profile": 10, "seeds": 5, "folds": 9, "outcome": 44}
"""Width of each column, characters; with two between them, a hundred in all. Longer cells are cut."""


@click.command()
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"Newest runs to list; default {LISTED}, with --json all."
)
@store_option
@json_option
def command(limit: int | None, store_url: str, as_json: bool) -> None:
    """List the runs in the store, newest first.

    A run's outcome is its report's headline, or how it ended; a sweep's says how many of the branches that have ended
    completed. A run whose process was killed on this machine is shown as died.
    """
    from counterpoise.artifacts.store import Store

    runs = Store.open(store_url, create=False).runs()
    rows = [summary(run) for run in runs[: limit or (None if as_json else LISTED)]]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("no runs yet: start one with `counterpoise run`")
        return
    for text in lines(rows, cut=sys.stdout.isatty()):
        click.echo(text)
    if len(runs) > len(rows):
        click.echo(f"{len(runs) - len(rows)} older ones: --limit {len(runs)} lists all")


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """One run's row; ``folds`` of a sweep are empty when each branch holds out all of its own."""
    from counterpoise.engine.run_record import RunRecord

    record = RunRecord(run)
    states = [stage["state"] for stage in run["stages"]]
    config = run["config"]
    return {
        "run": run["run"],
        "kind": "sweep" if record.is_sweep else "run",
        "profile": run["profile"],
        "status": record.status,
        "seeds": config["seeds"] if record.is_sweep else [config["seed"]],
        "folds": config["folds"] if record.is_sweep else config["pairs"]["evaluate"],
        "headline": run.get("headline", ""),
        "branches": [branch["status"] for branch in run.get("branches", ())],
        "computed": states.count("computed"),
        "cached": states.count("cached"),
        "started": datetime.fromtimestamp(run["started"], UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": run.get("commit"),
    }


def lines(rows: Sequence[dict[str, Any]], *, cut: bool = True) -> list[str]:
    """A heading and a line a run, of a hundred characters at most unless nothing is to be cut."""
    table = [list(COLUMNS), *([_cell(row, column) for column in COLUMNS] for row in rows)]
    fit = _fit if cut else str.ljust
    return [
        "  ".join(fit(*pair) for pair in zip(line, COLUMNS.values(), strict=True)).rstrip() for line in table
    ]


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "outcome":
        return _outcome(row)
    if column in ("seeds", "folds"):
        return ",".join(map(str, row[column])) or "all"
    return str(row[column])


def _outcome(row: dict[str, Any]) -> str:
    if row["kind"] == "sweep":
        finished = row["branches"].count("completed")
        return f"sweep {row['status']}: {finished} of {len(row['branches'])} branches"
    return str(row["headline"] or row["status"])


def _fit(text: str, width: int) -> str:
    """``text`` as wide as its column; a number that does not fit is left out, not shortened to another one.

    >>> _fit("p < 0.0001 (seed 12)", 9), _fit("12,13", 5), _fit("12,13,14", 5), _fit("a word", 4)
    ('p < …    ', '12,13', '12,… ', 'a w…')
    """
    if len(text) <= width:
        return text.ljust(width)
    kept = text[: width - 1]
    if text[width - 1] not in " ,":
        kept = re.sub(r"[^\s,]*\d[^\s,]*$", "", kept)
    return f"{kept}…".ljust(width)
