"""`counterpoise runs`: the runs in the store, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from flows.commands._options import json_option, print_json, store_option


@click.command()
@store_option
@json_option
def command(store_url: str, as_json: bool) -> None:
    """List the runs in the store, newest first."""
    from artifacts.store import Store

    runs = Store.open(store_url, create=False).runs()
    if as_json:
        print_json([summary(run) for run in runs])
        return
    if not runs:
        click.echo("no runs yet: start one with `counterpoise run`")
    for run in runs:
        row = summary(run)
        click.echo(
            f"{row['run']}  {row['profile']:<10} {row['status']:<10} "
            f"{row['computed']:>2} computed {row['cached']:>2} cached  {row['started']}"
        )


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """One run's row."""
    states = [stage["state"] for stage in run["stages"]]
    return {
        "run": run["run"],
        "profile": run["profile"],
        "status": run["status"],
        "computed": states.count("computed"),
        "cached": states.count("cached"),
        "started": datetime.fromtimestamp(run["started"], UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": run.get("commit"),
    }
