"""`counterpoise demo`: the newest finished run, base and tuned side by side, in a browser."""

from __future__ import annotations

from typing import Any

import click

from flows.commands._options import store_option


@click.command()
@click.option("--run", "run_id", default=None, help="A run's id; by default the newest finished one.")
@click.option(
    "--port", default=7860, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1."
)
@store_option
def command(run_id: str | None, port: int, store_url: str) -> None:
    """Compare base and tuned in a browser, on this machine only."""
    from flows.prefect_settings import quiet_libraries

    quiet_libraries()
    app, label = _app(store_url, run_id)
    click.echo(f"{label} · http://127.0.0.1:{port} · Ctrl-C ends it", err=True)
    app.launch(server_name="127.0.0.1", server_port=port, share=False, quiet=True)


def _app(store_url: str, run_id: str | None) -> tuple[Any, str]:
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from artifacts.store import Store
    from counterpoise.errors import UsageError

    try:
        from demo.app import build_app
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the demo needs {error.name}", "run `make demo`, or pip install -e '.[demo]'"
        ) from None
    from demo.session import Session

    store = Store.open(store_url, create=False)
    record = store.run(run_id) if run_id else newest_finished(store)
    label = f"Run {record['run']} · {record['config']['model']['source']} · profile {record['profile']}"
    return build_app(Session.of_run(store, record), label), label


def newest_finished(store: Any) -> dict[str, Any]:
    """The newest completed run's record.

    Raises:
        UsageError: there is none.
    """
    from counterpoise.errors import UsageError

    finished = [run for run in store.runs() if run["status"] == "completed" and run.get("kind") != "sweep"]
    if not finished:
        raise UsageError(
            f"no finished run in {store.url}", "make one: `make run`, or `make smoke` in seconds"
        )
    record: dict[str, Any] = finished[0]
    return record
