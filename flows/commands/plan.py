"""`counterpoise plan`: what a run would do, and why, without doing it."""

from __future__ import annotations

import click

from counterpoise.flows.commands._options import json_option, print_json, profile_options, store_option


@click.command()
@profile_options
@store_option
@json_option
def command(profile: str, overrides: tuple[str, ...], store_url: str, as_json: bool) -> None:
    """Say for each stage whether it is cached, and if not, what changed since the nearest earlier run.

    Nothing is made or changed; where there is no store yet, every stage would run.
    """
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.planning import PlanStep
    from counterpoise.flows.configure import load_config
    from counterpoise.flows.pipeline import pipeline
    from counterpoise.flows.preflight import preflight

    config = load_config(profile, overrides)
    preflight(config)
    store = Store.open(store_url, create=False, may_be_absent=True)
    step = PlanStep(config, store)
    pipeline(step, config)
    if as_json:
        print_json({"profile": config.profile, "stages": [planned.to_json() for planned in step.planned]})
        return
    click.echo(f"profile {config.profile} · store {store.url}", err=True)
    for planned in step.planned:
        rows = f"{planned.ref.rows:,} rows" if planned.ref and planned.ref.rows is not None else ""
        click.echo(f"{planned.would:<4} {planned.label:<24} {planned.why or rows}")
