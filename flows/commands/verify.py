"""`counterpoise verify`: every artifact against its hash."""

from __future__ import annotations

from dataclasses import asdict

import click

from counterpoise.flows.commands._options import json_option, print_json, store_option


@click.command()
@click.option(
    "--full", is_flag=True, help="Hash every byte again, also of files whose size and time are unchanged."
)
@store_option
@json_option
def command(full: bool, store_url: str, as_json: bool) -> None:
    """Check every artifact in the store; exit 1 if any is damaged."""
    from counterpoise.artifacts.store import Store
    from counterpoise.errors import StoreError
    from counterpoise.flows.commands._progress import progress_bar

    store = Store.open(store_url, create=False)
    with progress_bar(hidden=as_json) as progress:
        damages = store.verify(full, progress)
    if as_json:
        print_json({"damaged": [asdict(damage) for damage in damages]})
    if not damages:
        if not as_json:
            click.echo("every artifact is there with its size and hash")
        return
    for damage in damages:
        click.echo(f"damaged: {damage}", err=True)
    raise StoreError(f"{len(damages)} damaged in {store.url}", "run again: damaged stages are recomputed")
