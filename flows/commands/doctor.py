"""`counterpoise doctor`: what this machine can do, and which profile fits it."""

from __future__ import annotations

from dataclasses import asdict

import click

from flows.commands._options import json_option, print_json, store_option


@click.command()
@click.option("--offline", is_flag=True, help="Leave out the checks that use the network.")
@store_option
@json_option
def command(offline: bool, store_url: str, as_json: bool) -> int:
    """Say what this machine can do and which profile fits; exit 1 if something keeps runs from working."""
    from flows.commands._doctor import examine

    diagnosis = examine(store_url, offline=offline)
    if as_json:
        print_json(asdict(diagnosis) | {"ok": diagnosis.ok})
    else:
        width = max(len(check.name) for check in diagnosis.checks)
        for check in diagnosis.checks:
            click.echo(f"{check.state:>4}  {check.name:<{width}}  {check.detail}")
            if check.remedy:
                click.echo(f"      {'':<{width}}  → {check.remedy}")
        click.echo(f"\nprofile that fits: {diagnosis.profile} ({diagnosis.why})")
    return 0 if diagnosis.ok else 1
