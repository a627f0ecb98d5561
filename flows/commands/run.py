"""`counterpoise run`: the pipeline, here and now."""

from __future__ import annotations

from typing import Any

import click

from counterpoise.flows.commands._options import (
    json_option,
    licence_option,
    print_json,
    profile_options,
    store_option,
)


@click.command()
@profile_options
@licence_option
@store_option
@json_option
def command(profile: str, overrides: tuple[str, ...], store_url: str, as_json: bool) -> None:
    """Run the pipeline, or what is left of it: finished stages come from the store."""
    from counterpoise.flows.configure import load_config
    from counterpoise.flows.interrupts import Interrupts

    with Interrupts():
        record = run_flow(load_config(profile, overrides), store_url, as_json)
    if as_json:
        print_json(as_contract(record))
        return
    from counterpoise.flows.commands.show import print_run

    print_run(store_url, record)


def run_flow(config: Any, store_url: str, as_json: bool) -> dict[str, Any]:
    """Runs the flow with its progress on stderr; the run's record."""
    from counterpoise.flows.prefect_settings import quiet_defaults

    quiet_defaults()
    from counterpoise.artifacts.store import Store
    from counterpoise.flows.embedded_server import prefect_server
    from counterpoise.flows.preflight import preflight
    from counterpoise.sources.datasets import require_licence

    licence = require_licence(config.model.source)
    preflight(config)
    store = Store.open(store_url)
    if not as_json:
        click.echo(f"profile {config.profile} · store {store.url}", err=True)
        if licence:
            click.echo(f"{config.model.source}: {licence}, accepted", err=True)
    with prefect_server():
        from counterpoise.flows.debias import debias
        from counterpoise.flows.reporters import quiet

        token = quiet.set(as_json)
        try:
            record: dict[str, Any] = debias(config, store_url)
            return record
        finally:
            quiet.reset(token)


def as_contract(record: dict[str, Any]) -> dict[str, Any]:
    """The documented shape of ``run --json``."""
    shown = ("stage", "state", "key", "rows", "seconds")
    return {
        "run": record["run"],
        "status": record["status"],
        "stages": [{name: stage[name] for name in shown} for stage in record["stages"]],
        "report": record["report"],
    }
