"""The deployment file says what the profiles say, and a real worker runs it from a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.settings import PREFECT_API_URL, temporary_settings

from counterpoise.config import RunConfig
from flows.configure import profile_names


def deployments(root: Path) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((root / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in document["deployments"]}


@pytest.mark.parametrize("name", profile_names())
def test_parameters_are_the_profile(name: str, root: Path) -> None:
    entry = deployments(root)[name]
    profile = tomllib.loads((root / "flows" / "profiles" / f"{name}.toml").read_text(encoding="utf-8"))
    assert entry["parameters"]["config"] == profile
    assert RunConfig.model_validate(entry["parameters"]["config"]).profile == name
    assert not any(schedule["active"] for schedule in entry.get("schedules", []))
    assert "counterpoise" in entry["tags"]  # what the recovery automations look for


@pytest.mark.slow
def test_worker_runs_the_smoke_deployment(root: Path, prefect_server: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "PREFECT_HOME": str(tmp_path / "worker"),
    }

    def prefect(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    deploy = [sys.executable, "-m", "flows.cli", "deploy"]
    subprocess.run(deploy, cwd=root, env=environment, check=True, timeout=280)
    prefect("deployment", "run", "debias/smoke", "--param", f'store="{tmp_path / "store"}"')
    prefect("worker", "start", "--pool", "gpu", "--run-once", "--type", "process")

    with temporary_settings({PREFECT_API_URL: prefect_server}), get_client(sync_client=True) as client:
        (run,) = [run for run in client.read_flow_runs() if run.deployment_id]
        assert (run.name, run.state_name) == ("debias-smoke", "Completed"), run.state
        of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
        tasks = client.read_task_runs(task_run_filter=of_run)
    assert {task.state_name for task in tasks} == {"Completed"}
    assert "report" in {task.name for task in tasks}
