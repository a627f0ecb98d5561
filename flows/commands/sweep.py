"""`counterpoise sweep`: many runs, one comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.flows.commands._options import json_option, licence_option, print_json, store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store
    from counterpoise.measures.sweeps import SweepResults


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting of every branch; repeatable."
)
@click.option(
    "--parallel", default=1, show_default=True, type=click.IntRange(1, 1000), help="Branches at a time."
)
@click.option(
    "--deployment",
    metavar="FLOW/NAME",
    help="Run the branches as runs of this deployment, as debias/local; else as processes here.",
)
@licence_option
@store_option
@json_option
def command(
    file: Path,
    overrides: tuple[str, ...],
    parallel: int,
    deployment: str | None,
    store_url: str,
    as_json: bool,
) -> int:
    """Run every model × recipe × seed that the TOML FILE names, each over its folds, and compare them.

    A branch that fails is named with its reason and doesn't stop the others. Run the same command again to go on:
    what is finished comes from the store.

    \b
    name = "dose"                 # a FILE
    profile = "local"             # what every branch starts from
    seeds = [0, 1]
    [recipes.default]             # the profile as it is
    [recipes."two epochs"]
    alignment.optimisation.epochs = 2
    """
    from counterpoise.flows.interrupts import Interrupts
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    from counterpoise.flows.sweep_plan import branches, load_plan

    plan = load_plan(file, overrides)
    planned = branches(plan)
    if not as_json:
        click.echo(f"sweep {plan.name} · {len(planned)} branches · store {store_url}", err=True)
    with Interrupts():
        record = _run(plan, store_url, parallel, deployment, as_json)
    if as_json:
        print_json(as_contract(record))
    else:
        print_sweep(store_url, record)
    return 0 if record["status"] == "completed" else 1


def _run(plan: Any, store_url: str, parallel: int, deployment: str | None, as_json: bool) -> dict[str, Any]:
    from counterpoise.flows.embedded_server import prefect_server

    with prefect_server():
        from counterpoise.flows.deploying.deployments import check_deployment
        from counterpoise.flows.reporters import quiet
        from counterpoise.flows.sweep import sweep

        token = quiet.set(as_json)
        try:
            if deployment:
                check_deployment(deployment)
            record: dict[str, Any] = sweep(plan, store_url, parallel, deployment or "")
            return record
        finally:
            quiet.reset(token)


def as_contract(record: dict[str, Any]) -> dict[str, Any]:
    """The documented shape of ``sweep --json``."""
    return {
        "run": record["run"],
        "status": record["status"],
        "branches": record["branches"],
        "comparison": record["report"],
    }


def print_sweep(store_url: str, record: dict[str, Any]) -> None:
    """The verdict, a line a recipe and seed, the failures, and where the comparison is."""
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.report_files import RESULTS
    from counterpoise.measures.sweeps import read_sweep

    store = Store.open(store_url, create=False)
    folder = comparison_folder(store, record)
    if folder is not None:
        _print_results(read_sweep(folder / RESULTS))
    for branch in record["branches"]:
        if branch["status"] != "completed":
            click.echo(f"✗ {branch['branch']}: {branch['status']}: {branch['reason']}")
            click.echo(f"  go on with: {branch['resume']}")
    if folder is not None:
        click.echo(f"comparison: {folder}/report.html · table: {folder}/sweep.parquet")


def comparison_folder(store: Store, record: dict[str, Any]) -> Path | None:
    """A local folder with the sweep's comparison, or None when it has none."""
    from counterpoise.engine.run_record import RunRecord

    refs = RunRecord(record).refs("comparison")
    return store.fetch(refs[0]) if refs else None


def _print_results(results: SweepResults) -> None:

    from counterpoise.flows.terminal import console as console_of
    from counterpoise.report.sweep.views import branch_table
    from counterpoise.report.terminal import rich_table

    console = console_of()
    console.print(f"[bold]{results.headline}[/bold]", highlight=False)
    console.print(results.sentence, highlight=False)
    console.print(rich_table(branch_table(results.recipes)))
