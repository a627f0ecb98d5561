"""`counterpoise show`: one run's verdict, scores, stages and where its report is."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.errors import StoreError
from counterpoise.flows.commands._options import json_option, print_json, require_folder, store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store
    from counterpoise.measures.results import Results


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--report",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report to this HTML file, with the blind votes cast so far.",
)
@store_option
@json_option
def command(run: str, file: Path | None, store_url: str, as_json: bool) -> None:
    """Print RUN (an id, its unique beginning, or `latest`): verdict, scores by category, stages, report."""
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.run_record import RunRecord

    store = Store.open(store_url, create=False)
    record = store.run(run)
    if file is not None:
        _write_report(store, record, file)
    made_from = lineage(store, record)
    if as_json:
        stages = [stage | {"made_from": made_from[stage["stage"]]} for stage in record["stages"]]
        print_json(
            record
            | {
                "stages": stages,
                "results": results.to_json() if (results := results_of(store, record)) else None,
            }
        )
        return
    print_stages(record, made_from)
    if RunRecord(record).is_sweep:
        from counterpoise.flows.commands.sweep import print_sweep

        print_sweep(store_url, record)
        return
    print_run(store_url, record)


def _write_report(store: Store, record: dict[str, Any], file: Path) -> None:
    from counterpoise.engine.run_record import RunRecord
    from counterpoise.flows.votes import report_with_votes, vote_box

    require_folder(file)
    RunRecord(record).first("report")
    votes = vote_box(store, record).votes()
    file.write_text(report_with_votes(store, record, votes).html, encoding="utf-8")
    click.echo(f"{file}: the report with {len(votes)} votes", err=True)


def lineage(store: Store, record: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """By stage of a run, the artifacts that its own was made from, as its manifest says; none when that is gone."""
    found: dict[str, list[dict[str, str]]] = {}
    for stage in record["stages"]:
        found[stage["stage"]] = []
        with contextlib.suppress(StoreError):
            parents = store.manifest(stage["ref"]["stage"], stage["key"]).parents
            found[stage["stage"]] = [
                {"stage": parent.label, "key": parent.key, "sha256": parent.sha256} for parent in parents
            ]
    return found


def print_stages(record: dict[str, Any], made_from: Mapping[str, list[dict[str, str]]]) -> None:
    """The run's own line, and one line a stage with what it was made from."""
    from counterpoise.engine.run_record import RunRecord

    click.echo(f"run {record['run']} · profile {record['profile']} · {RunRecord(record).status}")
    if record.get("error"):
        click.echo(f"  {record['error']}")
    for stage in record["stages"]:
        rows = f"{stage['rows']:,} rows" if stage["rows"] is not None else ""
        parents = ", ".join(parent["stage"] for parent in made_from[stage["stage"]])
        click.echo(
            f"  {stage['stage']:<24} {stage['state']:<9} {rows:>12} {stage['seconds']:>8.1f} s  {stage['key'][:12]}"
            + (f"  from {parents}" if parents else "")
        )
    click.echo("")


def print_run(store_url: str, record: dict[str, Any]) -> None:
    """The verdict and the scores of a finished run, and its report's address."""
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.run_record import RunRecord

    store = Store.open(store_url, create=False)
    results = results_of(store, record)
    if results is None:
        click.echo(f"no report: its status is {RunRecord(record).status}")
        return
    from counterpoise.flows.terminal import console as console_of
    from counterpoise.report.terminal import rich_table
    from counterpoise.report.views import cost_line, score_table

    console = console_of()
    console.print(f"[bold]{results.verdict.headline}[/bold]", highlight=False)
    console.print(results.verdict.sentence, highlight=False)
    console.print(
        rich_table(score_table(results.measures), "CrowS-Pairs, held out: % preferring the stereotype (95 %)")
    )
    console.print(cost_line(results.measures), highlight=False)
    folder = report_folder(store, record)
    if folder is not None:
        console.print(f"report: {_short(folder)}/report.html", highlight=False, soft_wrap=True)


def results_of(store: Store, record: dict[str, Any]) -> Results | None:
    """The numbers of a run's report, or None when it has none.

    Raises:
        DataError: an older version made the report.
    """
    from counterpoise.engine.report_files import RESULTS
    from counterpoise.measures.results import read_results

    folder = report_folder(store, record)
    return read_results(folder / RESULTS) if folder else None


def report_folder(store: Store, record: dict[str, Any]) -> Path | None:
    """A local folder with the run's report, or None when it has none."""
    from counterpoise.engine.run_record import RunRecord

    refs = RunRecord(record).refs("report")
    return store.fetch(refs[0]) if refs else None


def _short(path: Path) -> str:
    """The path as seen from here, when that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
