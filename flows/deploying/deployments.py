"""The deployments of `deployments/prefect.yaml`, put on the server field by field."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import yaml
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import apply_values

from counterpoise.errors import UsageError
from counterpoise.flows.checkout import ROOT, profile
from counterpoise.flows.deploying.changes import Action, Change
from counterpoise.flows.deploying.server import configured_server

FILE = ROOT / "deployments" / "prefect.yaml"


def read_file() -> dict[str, Any]:
    """`deployments/prefect.yaml`, each deployment's config filled in from its profile.

    Raises:
        UsageError: it is not there: the package was installed without its checkout.
    """
    try:
        document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{FILE}: {error}", "run this in a complete checkout") from None
    (steps,) = {tuple(step) for step in document["build"]}
    assert steps == ("counterpoise.flows.checkout.profile",), steps
    profiles = [step["counterpoise.flows.checkout.profile"] for step in document["build"]]
    values = {each["id"]: profile(each["name"]) for each in profiles}
    filled: list[dict[str, Any]] = apply_values(document["deployments"], values)
    return {**document, "deployments": filled}


def ensure_deployment(
    client: SyncPrefectClient,
    entry: Mapping[str, Any],
    pull: list[dict[str, Any]],
    pool: str,
    store: str,
    env: Mapping[str, str],
) -> Change:
    """One deployment as its entry says, on ``pool``, with ``store`` as the store its runs use.

    Schedules come with a deployment's creation only: one that a person switched on stays on.

    Args:
        env: more environment variables of its runs; references to Prefect blocks, never secret values.
    """
    flow = entry_flow(entry["entrypoint"])
    wanted = _wanted(entry, flow, pull, pool, store, env)
    name = f"{flow.name}/{entry['name']}"
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound:
        client.create_deployment(**_arguments(client, flow, wanted), schedules=_schedules(entry))
        return Change("deployment", name, "created")
    action: Action = "unchanged"
    if _current(found) != wanted:
        client.create_deployment(**_arguments(client, flow, wanted))
        action = "updated"
    return Change("deployment", name, action)


def check_deployment(name: str) -> None:
    """Asks the configured server for a deployment that is about to be run.

    Raises:
        UsageError: no server is configured, or it has no deployment of that name.
        ServerError: it does not answer, or refuses.
    """
    with configured_server() as client:
        try:
            client.read_deployment_by_name(name)
        except (ObjectNotFound, ValueError):  # the latter where it is not FLOW/NAME
            raise UsageError(
                f"the Prefect server has no deployment {name!r}",
                "give FLOW/NAME as `prefect deployment ls` shows it, e.g. debias/local; "
                "`counterpoise deploy` makes them",
            ) from None


def entry_flow(entrypoint: str) -> Flow[..., Any]:
    """The flow of an entry point as ``flows/debias.py:debias``."""
    path, _, function = entrypoint.partition(":")
    module = importlib.import_module("counterpoise." + path.removesuffix(".py").replace("/", "."))
    flow: Flow[..., Any] = getattr(module, function)
    return flow


def form(flow: Flow[..., Any]) -> dict[str, Any]:
    """The schema of a flow's parameters, from which the dashboard makes its form.

    A single allowed value is an enumeration of one: a constant is shown as something that cannot be changed.
    """
    plain: dict[str, Any] = _enumerated(parameter_schema(flow).model_dump_for_openapi())
    return plain


def _enumerated(value: Any) -> Any:
    if isinstance(value, list):
        return [_enumerated(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _enumerated(item) for name, item in value.items() if name != "const"}
    return inner | {"enum": [value["const"]]} if "const" in value else inner


def _wanted(
    entry: Mapping[str, Any],
    flow: Flow[..., Any],
    pull: list[dict[str, Any]],
    pool: str,
    store: str,
    env: Mapping[str, str],
) -> dict[str, Any]:
    variables = dict(entry["work_pool"].get("job_variables", {}))
    if env:
        variables["env"] = {**variables.get("env", {}), **env}
    return {
        "name": entry["name"],
        "description": entry["description"],
        "tags": sorted(entry["tags"]),
        "entrypoint": entry["entrypoint"],
        "parameters": {**entry["parameters"], "store": store},
        "parameter_openapi_schema": form(flow),
        "pull_steps": pull,
        "work_pool_name": pool,
        "job_variables": variables,
        "concurrency_limit": entry.get("concurrency_limit"),
    }


def _current(found: DeploymentResponse) -> dict[str, Any]:
    limit = found.global_concurrency_limit
    return {
        "name": found.name,
        "description": found.description,
        "tags": sorted(found.tags),
        "entrypoint": found.entrypoint,
        "parameters": found.parameters,
        "parameter_openapi_schema": found.parameter_openapi_schema,
        "pull_steps": found.pull_steps,
        "work_pool_name": found.work_pool_name,
        "job_variables": found.job_variables,
        "concurrency_limit": limit.limit if limit else None,
    }


def _arguments(client: SyncPrefectClient, flow: Flow[..., Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **wanted,
        "flow_id": client.create_flow_from_name(flow.name),
        "path": ".",
        "enforce_parameter_schema": True,
        "concurrency_options": ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
    }


def _schedules(entry: Mapping[str, Any]) -> list[DeploymentScheduleCreate]:
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=each["cron"], timezone=each["timezone"]), active=each["active"]
        )
        for each in entry.get("schedules", [])
    ]
