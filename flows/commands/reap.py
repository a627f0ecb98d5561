"""`counterpoise reap`: brings back runs on the configured Prefect server that were lost with their worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import click

from counterpoise.flows.deploying import ATTEMPTS


@click.command()
@click.option("--silence", default=180, show_default=True, type=click.IntRange(60), metavar="SECONDS",
              help="Running without a sign of life for this long, a run counts as lost.")  # fmt: skip
@click.option("--attempts", type=click.IntRange(2),
              help="Starts of one run in all, before a crashing run is given up.  "
              f"[default: as given to `deploy`, else {ATTEMPTS}]")  # fmt: skip
@click.option("--every", type=click.IntRange(10), metavar="SECONDS", help="Look again and again.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
def command(silence: int, attempts: int | None, every: int | None, dry_run: bool) -> None:
    """Mark runs Crashed that run without a sign of life, schedule crashed runs again, free forgotten GPU slots.

    The automations of `counterpoise deploy` do this at once; this finds what they missed. Run it beside the worker.
    """
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    from counterpoise.errors import CounterpoiseError

    patience = timedelta(seconds=silence)
    if not every:
        _once(patience, attempts, dry_run)
        return
    while True:
        try:
            _once(patience, attempts, dry_run)
        except CounterpoiseError as error:  # a server that restarts; the next look will show
            click.echo(str(error), err=True)
        time.sleep(every)


def _once(silence: timedelta, attempts: int | None, dry_run: bool) -> None:
    from counterpoise.flows.deploying.automations import attempts_on
    from counterpoise.flows.deploying.reaper import Rules, looked, reap
    from counterpoise.flows.deploying.server import configured_server
    from counterpoise.flows.deploying.slots import free_slots

    now = datetime.now(UTC)
    words = {"lost": "lost, marked Crashed", "resume": "scheduled again"}
    with configured_server() as client:
        rules = Rules(attempts=attempts or attempts_on(client), silence=silence)
        found = list(reap(client, rules, dry_run=dry_run))
        slots = free_slots(client, now, silence, dry_run=dry_run)
    would = "would be " if dry_run else ""
    for run, verdict in found:
        if verdict is not None:
            click.echo(f"{would}{words[verdict]}: {run.name} ({run.id})")
    if slots:
        click.echo(f"{would}freed: {slots} of the GPU limit's slots, held by no task")
    click.echo(looked(found, slots, now))
