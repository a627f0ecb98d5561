"""`counterpoise gc`: deletes what no kept run needs."""

from __future__ import annotations

import math
from shlex import quote

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuses nan, of which nothing is younger, so that nothing would be kept."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of hours.", context, parameter)
    return value


@click.command()
@click.option(
    "--keep",
    default=5,
    show_default=True,
    type=click.IntRange(min=0),
    help="Newest finished runs of each profile to keep, and as many unfinished ones.",
)
@click.option("--pin", "pins", multiple=True, metavar="RUN", help="Another run to keep; repeatable.")
@click.option(
    "--min-age-hours",
    default=24.0,
    show_default=True,
    type=click.FloatRange(min=0),
    callback=_finite,
    help="Never touch anything younger.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@store_option
@json_option
def command(
    keep: int, pins: tuple[str, ...], min_age_hours: float, dry_run: bool, store_url: str, as_json: bool
) -> None:
    """Delete artifacts that neither the newest runs nor the pinned ones need.

    Failed, stopped and running runs are counted apart from finished ones, and so are sweeps.
    """
    from dataclasses import asdict

    from counterpoise.artifacts.store import Store

    store = Store.open(store_url, create=False)
    report = store.gc(keep_runs=keep, pins=pins, min_age_s=min_age_hours * 3600, dry_run=dry_run)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(str(report))
    if not report.removed and min_age_hours:
        younger = store.gc(keep_runs=keep, pins=pins, min_age_s=0, dry_run=True)
        click.echo(
            _why_nothing(younger.freed_bytes, min_age_hours, f"--keep {keep} --store {quote(store_url)}")
        )


def _why_nothing(freed_bytes: int, hours: float, options: str) -> str:
    """Why nothing went, and the command with which something would.

    >>> _why_nothing(0, 24.0, "--keep 5 --store store")
    'the runs kept need everything; `--keep` with a smaller number keeps fewer'
    """
    if not freed_bytes:
        return "the runs kept need everything; `--keep` with a smaller number keeps fewer"
    return (
        f"nothing that no kept run needs is older than {hours:g} hours; {freed_bytes / 1e6:.1f} MB younger would go "
        f"with: counterpoise gc --min-age-hours 0 {options}"
    )
