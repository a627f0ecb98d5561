"""The deployment file says what the profiles say, and a real worker runs it from a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.callables import parameter_schema

from counterpoise.config import RunConfig
from flows.configure import profile_names
from flows.deploying.deployments import entry_flow, read_file
from tests.servers import talking_to


def deployments() -> dict[str, dict[str, Any]]:
    """Entries by ``flow/name``, as `counterpoise deploy` reads them."""
    entries = read_file()["deployments"]
    flows = [Path(entry["entrypoint"].partition(":")[0]).stem for entry in entries]
    return {f"{flow}/{entry['name']}": entry for flow, entry in zip(flows, entries, strict=True)}


@pytest.mark.parametrize("name", profile_names())
def test_parameters_are_the_profile(name: str, root: Path) -> None:
    entry = deployments()[f"debias/{name}"]
    profile = tomllib.loads((root / "flows" / "profiles" / f"{name}.toml").read_text(encoding="utf-8"))
    assert entry["parameters"]["config"] == profile
    assert RunConfig.model_validate(entry["parameters"]["config"]).profile == name


def test_schedules_are_off_and_recovery_finds_every_deployment() -> None:
    entries = deployments().values()
    assert not any(schedule["active"] for entry in entries for schedule in entry.get("schedules", []))
    assert all("counterpoise" in entry["tags"] for entry in entries)


def test_every_entry_is_a_flow_that_takes_its_parameters() -> None:
    entries = deployments()
    assert {name.partition("/")[0] for name in entries} == {"debias", "evaluate", "sweep"}
    for name, entry in entries.items():
        flow = entry_flow(entry["entrypoint"])
        assert flow.name == name.partition("/")[0]
        flow.validate_parameters(entry["parameters"])


def test_the_parameter_form_describes_and_bounds_its_fields() -> None:
    schema = parameter_schema(entry_flow("flows/debias.py:debias")).model_dump_for_openapi()
    sections = {"": schema, **schema["definitions"]}
    fields = {
        f"{name}.{field}": value
        for name, part in sections.items()
        for field, value in part["properties"].items()
    }
    assert len(fields) > 60
    assert [
        name for name, value in fields.items() if name != ".config" and not value.get("description")
    ] == []
    assert fields["LossSettings.beta"]["exclusiveMinimum"] == 0
    assert "1/nat" in fields["LossSettings.beta"]["description"]  # its unit


@pytest.fixture(scope="module")
def finished(root: Path, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowRun]:
    """A run of the smoke deployment, made by a worker."""
    folder = tmp_path_factory.mktemp("worker")
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "PREFECT_HOME": str(folder / "prefect"),
        "COUNTERPOISE_STORE": str(folder / "store"),
    }

    def command(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    command("flows.cli", "deploy")
    with talking_to(prefect_server), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("debias/smoke")
        made = client.create_flow_run_from_deployment(deployment.id)
        command("prefect", "worker", "start", "--pool", "gpu", "--run-once")
        yield client.read_flow_run(made.id)


@pytest.mark.slow
def test_worker_runs_the_smoke_deployment(finished: FlowRun, prefect_server: str) -> None:
    assert (finished.name, finished.state_name) == ("debias-smoke", "Completed"), finished.state
    with talking_to(prefect_server), get_client(sync_client=True) as client:
        of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[finished.id]))
        tasks = client.read_task_runs(task_run_filter=of_run)
    assert {task.state_name for task in tasks} == {"Completed"}
    assert any(
        task.name.startswith("counterfactuals: 48 -> ") and ", computed, " in task.name for task in tasks
    )
