"""Work pools from the templates in `deployments/pools/`: process, docker, kubernetes."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Mapping
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from counterpoise.errors import UsageError
from counterpoise.flows.checkout import ROOT
from counterpoise.flows.deploying.changes import Action, Change

POOL_TYPES = ("process", "docker", "kubernetes")


def template(pool_type: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The base job template of a pool type.

    Args:
        defaults: values of its variables, put in place of the file's own defaults; ``env`` is merged.

    Raises:
        UsageError: the template has no such variable.
    """
    path = ROOT / "deployments" / "pools" / f"{pool_type}.json"
    try:
        base: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"pool template {path}: {error}", "run this in a complete checkout") from None
    base = copy.deepcopy(base)
    properties = base["variables"]["properties"]
    for name, value in defaults.items():
        if name not in properties:
            nearest = difflib.get_close_matches(name, properties, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(sorted(properties))}"
            raise UsageError(f"a {pool_type} pool has no variable {name!r}", hint)
        own = properties[name].get("default")
        merged = isinstance(own, dict) and isinstance(value, dict) and name == "env"
        properties[name]["default"] = {**own, **value} if merged else value
    return base


def check_process_pool(client: SyncPrefectClient, name: str) -> None:
    """That there is a pool whose runs are processes.

    Raises:
        UsageError: there is none of this name, or its runs are containers or Kubernetes jobs.
    """
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        raise UsageError(f"the server has no work pool {name!r}", "`counterpoise deploy` makes it") from None
    if pool.type != "process":
        raise UsageError(
            f"the runs of work pool {name!r} are of type {pool.type}, not processes of this machine",
            f"start Prefect's own worker: prefect worker start --pool {name}",
        )


def ensure_pool(
    client: SyncPrefectClient, name: str, pool_type: str, base: dict[str, Any], limit: int | None
) -> Change:
    """The pool, with this template and at most ``limit`` runs at a time.

    Raises:
        UsageError: a pool of this name has another type; Prefect cannot change it.
    """
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(name=name, type=pool_type, base_job_template=base, concurrency_limit=limit)
        )
        return Change("work pool", f"{name} ({pool_type})", "created")
    if pool.type != pool_type:
        raise UsageError(
            f"work pool {name!r} is there, of type {pool.type}, not {pool_type}",
            f"choose another --pool, or pass --type {pool.type}",
        )
    action: Action = "unchanged"
    if pool.base_job_template != base or pool.concurrency_limit != limit:
        client.update_work_pool(name, WorkPoolUpdate(base_job_template=base, concurrency_limit=limit))
        action = "updated"
    return Change("work pool", f"{name} ({pool_type})", action)
