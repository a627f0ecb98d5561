"""`counterpoise demo`: the newest finished run, base and tuned side by side, in a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.extras import extra_missing
from counterpoise.flows.commands._options import store_option

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store

HOW = "make one: `counterpoise run` (ten minutes and more), or look around with `counterpoise demo --smoke` (a minute)"


@click.command()
@click.option(
    "--run", "run_id", default=None, help="A run's id; by default the newest finished one, a smoke run last."
)
@click.option(
    "--port", default=7860, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1."
)
@click.option(
    "--smoke",
    is_flag=True,
    help="Make a run of the tiny smoke model first; it shows the page, it means nothing.",
)
@click.option(
    "--classifier", "classifiers", multiple=True, help="Another toxicity classifier to show; repeatable."
)
@store_option
def command(run_id: str | None, port: int, smoke: bool, classifiers: tuple[str, ...], store_url: str) -> None:
    """Compare base and tuned in a browser, on this machine only."""
    _check_installed()
    from counterpoise.flows.prefect_settings import quiet_defaults, quiet_libraries

    quiet_defaults()
    quiet_libraries()
    store, record = _chosen(store_url, run_id, smoke)
    from counterpoise.demo.app import build_app, launch
    from counterpoise.demo.session import Session

    session = Session.of_run(store, record, classifiers)
    click.echo(f"{session.data.label} · http://127.0.0.1:{port} · Ctrl-C ends it", err=True)
    try:
        launch(build_app(session), port)
    except OSError as error:
        raise UsageError(f"port {port} cannot be used ({error})", "choose another with --port") from None


def _check_installed() -> None:
    import os

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio  # noqa: F401
    except ModuleNotFoundError as error:
        raise extra_missing("demo", "the demo", str(error.name)) from None


def _chosen(store_url: str, run_id: str | None, smoke: bool) -> tuple[Store, dict[str, Any]]:
    """The store, and the record of the run to show; someone at a terminal who has none is offered one."""
    from counterpoise.artifacts.store import Store
    from counterpoise.engine.run_record import newest_finished
    from counterpoise.errors import StoreError

    if smoke:
        return _smoke(store_url)
    try:
        if "://" not in store_url and not Path(store_url).exists():
            raise StoreError(f"there is no store {store_url} yet", HOW)
        store = Store.open(store_url, create=False)
        return store, store.run(run_id) if run_id else newest_finished(store, HOW)
    except CounterpoiseError as error:
        if error.remedy != HOW or run_id or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        click.echo(f"{error.message}: `counterpoise run` makes one in ten minutes and more.", err=True)
        if not click.confirm(
            "Look around with the tiny smoke model (about a minute)?", default=True, err=True
        ):
            raise
    return _smoke(store_url)


def _smoke(store_url: str) -> tuple[Store, dict[str, Any]]:
    from counterpoise.artifacts.store import Store
    from counterpoise.flows.commands.run import run_flow
    from counterpoise.flows.configure import load_config

    record = run_flow(load_config("smoke", ()), store_url, as_json=False)
    return Store.open(store_url, create=False), record
