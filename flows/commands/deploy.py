"""`counterpoise deploy`: pool, limits, automations and deployments on the configured Prefect server."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from counterpoise.errors import UsageError
from counterpoise.flows.commands._options import json_option, print_json, store_option
from counterpoise.flows.deploying import ATTEMPTS


@click.command()
@click.option("--pool", default="gpu", show_default=True, help="Name of the work pool.")
@click.option(
    "--type", "pool_type", type=click.Choice(["process", "docker", "kubernetes"]), default="process",
    show_default=True, help="What its workers start: a process, a container, a Kubernetes job.",
)  # fmt: skip
@click.option(
    "--limit", default=1, show_default=True, type=click.IntRange(1), help="Runs of the pool at a time."
)
@click.option("--gpu-jobs", default=1, show_default=True, type=click.IntRange(1), help="GPU tasks at a time.")
@click.option("--attempts", default=ATTEMPTS, show_default=True, type=click.IntRange(2),
              help="Starts of one run in all, before a crashing run is given up.")  # fmt: skip
@click.option("--variable", "variables", multiple=True, metavar="KEY=VALUE",
              help="Default of a pool variable, e.g. image=…; repeatable.")  # fmt: skip
@click.option("--secret", "secrets", multiple=True, metavar="ENV=BLOCK",
              help="Environment variable of the runs from a Prefect Secret block; repeatable.")  # fmt: skip
@click.option("--notify", metavar="TYPE/NAME", help="Notification block to tell how runs ended.")
@store_option
@json_option
def command(store_url: str, as_json: bool, **options: Any) -> None:
    """Set up the configured Prefect server: pool, limits, recovery automations, deployments.

    Doing it again changes nothing that is as it should be.
    """
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    variables = {key: _value(text) for key, text in map(_pair, options.pop("variables"))}
    secrets = dict(map(_pair, options.pop("secrets")))
    from counterpoise.flows.deploying.everything import Wanted, advice, deploy

    changes = deploy(Wanted(store=store_url, variables=variables, secrets=secrets, **options))
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    from counterpoise.flows.deploying.changes import summary

    for change in changes:
        click.echo(str(change))
    click.echo(summary(changes))
    if said := advice():
        click.echo(f"note: {said}")


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key or not value:
        raise UsageError(f"{text!r}: expected KEY=VALUE", "e.g. --variable image=counterpoise-worker:1")
    return key, value


def _value(text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
