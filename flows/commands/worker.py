"""`counterpoise worker`: runs a pool's scheduled runs on this machine, and hands them on when it is stopped."""

from __future__ import annotations

import asyncio

import click


@click.command()
@click.option("--pool", default="gpu", show_default=True, help="Name of the work pool, of type process.")
@click.option("--limit", default=1, show_default=True, type=click.IntRange(1), help="Runs at a time.")
@click.option("--name", help="The worker's name.  [default: Prefect makes one up]")
@click.option("--grace", default=50, show_default=True, type=click.IntRange(1), metavar="SECONDS",
              help="How long a run may take to save its checkpoint once the worker is to stop.")  # fmt: skip
def command(pool: str, limit: int, name: str | None, grace: int) -> None:
    """Run a pool's scheduled runs on this machine.

    On SIGTERM or Ctrl-C its run saves a checkpoint and is scheduled again, for whatever worker is there; then the
    worker ends.
    """
    from counterpoise.flows.deploying.pools import check_process_pool
    from counterpoise.flows.deploying.server import configured_server
    from counterpoise.flows.deploying.worker import Worker, serve

    with configured_server() as client:
        check_process_pool(client, pool)
    asyncio.run(serve(Worker(work_pool_name=pool, limit=limit, name=name, grace_s=grace), click.echo))
