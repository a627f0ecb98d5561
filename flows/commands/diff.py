"""`counterpoise diff A B`: how two runs differ, component by component, and which tuned model is nearer to neutral."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store
    from counterpoise.report.run_comparison import RunComparison


@click.command()
@click.argument("first")
@click.argument("second")
@store_option
@json_option
def command(first: str, second: str, store_url: str, as_json: bool) -> None:
    """Explain how run SECOND differs from run FIRST (ids, unique beginnings of ids, or `latest`).

    Then their tuned models are compared, with paired tests over the pairs, sentences and examples both scored.
    """
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.run_record import RunRecord

    store = Store.open(store_url, create=False)
    records = store.run(first), store.run(second)
    for record in records:
        RunRecord(record).require_one_run()
    rows = differences(store, *records)
    compared, reason = comparison(store, *records)
    if as_json:
        tests = compared.to_json() if compared else {"not_compared": reason}
        print_json({"first": first, "second": second, "stages": rows, "comparison": tests})
        return
    for row in rows:
        click.echo(f"{row['stage']:<24} {row['difference']}")
        for change in row["changes"]:
            where = f"{change['component']} {change['name']}".strip()
            click.echo(f"    {where}: {_short(change['before'])} → {_short(change['after'])}")
    click.echo("")
    if compared is None:
        click.echo(f"not compared: {reason}")
    else:
        _print(compared)


def _print(compared: RunComparison) -> None:

    from counterpoise.flows.terminal import console as console_of
    from counterpoise.report.tables import change_table
    from counterpoise.report.terminal import rich_table

    for caution in compared.cautions:
        click.echo(f"caution: {caution}; the two are not comparable")
    rows = [row for row in compared.measures if row.counts]
    if not rows:
        click.echo("the runs share nothing that both scored")
        return
    title = "Tuned models, first → second, over what both scored"
    console_of().print(rich_table(change_table(rows, "measure"), title))


def comparison(
    store: Store, first: dict[str, Any], second: dict[str, Any]
) -> tuple[RunComparison | None, str]:
    """The second run's tuned model against the first one's, or None and why (tables of another version)."""
    from counterpoise.errors import StoreError
    from counterpoise.flows.commands._run_evidence import run_evidence
    from counterpoise.report.run_comparison import compare_runs

    try:
        evidence = run_evidence(store, first), run_evidence(store, second)
    except StoreError as error:
        return None, str(error)
    return compare_runs(*evidence, second["config"]["scoring"]["normalisation"]), ""


def differences(store: Store, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a stage: same, same content, or different with the key components that changed."""
    before, after = ({stage["stage"]: stage for stage in run["stages"]} for run in (first, second))
    return [_difference(store, label, before.get(label), after.get(label)) for label in {**before, **after}]


def _difference(
    store: Store, label: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> dict[str, Any]:
    from counterpoise.artifacts.keys import explain

    if before is None or after is None:
        only = "only in the second run" if before is None else "only in the first run"
        return {"stage": label, "difference": only, "changes": []}
    if before["key"] == after["key"]:
        return {"stage": label, "difference": "same", "changes": []}
    stage = before["ref"]["stage"]
    changes = explain(store.manifest(stage, before["key"]).parts, store.manifest(stage, after["key"]).parts)
    same = before["sha256"] == after["sha256"]
    difference = "same content, made differently" if same else "different"
    return {"stage": label, "difference": difference, "changes": [asdict(change) for change in changes]}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
