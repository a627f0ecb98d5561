"""Everything that `counterpoise deploy` ensures, in the order in which one thing needs the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.flows.deploying.automations import (
    ensure_automations,
    notification_block,
    notifications,
    recovery,
)
from counterpoise.flows.deploying.changes import Change
from counterpoise.flows.deploying.deployments import ensure_deployment, read_file
from counterpoise.flows.deploying.limits import ensure_gpu_limit
from counterpoise.flows.deploying.pools import ensure_pool, template
from counterpoise.flows.deploying.server import configured_server
from counterpoise.flows.deploying.slots import LASTING, LEASES, forgets


@dataclass(frozen=True)
class Wanted:
    """What the server shall have.

    Attributes:
        pool: name of the work pool, of type ``pool_type``.
        limit: runs of the pool at a time.
        gpu_jobs: GPU tasks at a time on the whole server.
        attempts: starts of one run in all.
        store: store of the deployments' runs; several machines need one that they share.
        variables: defaults of the pool's variables.
        secrets: environment variable → name of the Prefect Secret block it comes from.
        notify: notification block as ``type/name``, or None.
    """

    pool: str
    pool_type: str
    limit: int
    gpu_jobs: int
    attempts: int
    store: str
    variables: Mapping[str, Any]
    secrets: Mapping[str, str]
    notify: str | None


def advice() -> str:
    """What the configured server should be started with, in one line; empty if nothing."""
    with configured_server() as client:
        if not forgets(client):
            return ""
    return (
        "this server forgets on a restart who holds its GPU slots: start it with "
        f"{LEASES}={LASTING}, or run `counterpoise reap --every 60`, which frees them"
    )


def deploy(wanted: Wanted) -> list[Change]:
    """Makes the configured server have it; what is right already is left alone."""
    base = template(wanted.pool_type, wanted.variables)
    document = read_file()
    env = {name: f"{{{{ prefect.blocks.secret.{block} }}}}" for name, block in wanted.secrets.items()}
    with configured_server() as client:
        automations = recovery(wanted.attempts)
        if wanted.notify:
            automations += notifications(notification_block(client, wanted.notify), wanted.attempts)
        return [
            ensure_pool(client, wanted.pool, wanted.pool_type, base, wanted.limit),
            ensure_gpu_limit(client, wanted.gpu_jobs),
            *ensure_automations(client, automations),
            *(
                ensure_deployment(client, entry, document["pull"], wanted.pool, wanted.store, env)
                for entry in document["deployments"]
            ),
        ]
