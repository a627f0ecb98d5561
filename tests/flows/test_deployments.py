"""The deployment file says what the profiles say, and a real worker runs it from a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ParameterTypeError

from counterpoise.config import RunConfig
from counterpoise.flows.configure import load_config, profile_names
from counterpoise.flows.debias import debias
from counterpoise.flows.deploying.deployments import entry_flow, form, read_file
from tests.browser import Visit
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
    schema = form(debias)
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
    text = json.dumps(schema)
    assert [word for word in ('"null"', '"const"') if word in text] == []  # no field that cannot be filled in
    assert fields["LossSettings.beta"]["exclusiveMinimum"] == 0
    assert "1/nat" in fields["LossSettings.beta"]["description"]  # its unit


def test_a_config_given_in_part_is_that_profiles_rest() -> None:
    def asked(config: dict[str, Any]) -> RunConfig:
        given: RunConfig = debias.validate_parameters({"config": config, "store": "s"})["config"]
        return given

    changed = asked({"profile": "smoke", "seed": 3, "pairs": {"folds": 4}})
    assert changed == load_config("smoke", ["seed=3", "pairs.folds=4"])
    assert asked(load_config("notebook").model_dump(mode="json")) == load_config("notebook")
    with pytest.raises(ParameterTypeError, match="profile is missing"):
        asked({"seed": 3})
    own = load_config("notebook").model_dump(mode="json") | {"profile": "mine"}
    assert asked(own).alignment == load_config("notebook").alignment
    with pytest.raises(ParameterTypeError, match=r"'mine' is not one of .* model is missing"):
        asked({"profile": "mine", "seed": 3})


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

    command("counterpoise.flows.cli", "deploy")
    with talking_to(prefect_server), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("debias/smoke")
        made = client.create_flow_run_from_deployment(deployment.id)
        command("prefect", "worker", "start", "--pool", "gpu", "--run-once")
        yield client.read_flow_run(made.id)


@pytest.mark.slow
def test_worker_runs_the_smoke_deployment(finished: FlowRun, prefect_server: str) -> None:
    assert (finished.name, finished.state_name) == ("smoke · tiny · seed 0", "Completed"), finished.state
    with talking_to(prefect_server), get_client(sync_client=True) as client:
        of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[finished.id]))
        tasks = client.read_task_runs(task_run_filter=of_run)
    assert {task.state_name for task in tasks} == {"Completed"}
    names = {task.name.partition(":")[0]: task.name for task in tasks}
    assert names["pairs"] == "pairs: 48 pairs"
    assert re.fullmatch(r"adapter, fold 0: strength [\d.]+, [\d.]+ -> [\d.]+ %", names["adapter, fold 0"])
    assert finished.state is not None
    headline = str(finished.state.message)  # which the report's task and its run both say
    assert names["report"] == f"report: {headline.replace('→', '->')}"


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("ui", ["", "/v2"])
def test_the_report_is_read_without_scrolling_sideways(
    ui: str, finished: FlowRun, prefect_server: str, visit: Callable[..., Visit]
) -> None:
    report = latest_artifact(prefect_server, "report")
    assert report["flow_run_id"] == str(finished.id)
    seen = visit(
        f"{prefect_server.removesuffix('/api')}{ui}/artifacts/artifact/{report['latest_id']}", (1440, 1000)
    )
    seen.page.wait_for_selector("table")
    tables = seen.page.evaluate(
        "[...document.querySelectorAll('table')].map(t => [t.scrollWidth <= t.parentElement.clientWidth, t.innerText])"
    )
    assert all(fits for fits, _ in tables)
    claims = next(text for _, text in tables if "criterion" in text)
    assert claims.split()[0] == "outcome"
    assert seen.page.get_by_role("link", name="the whole report").count() == 1
    seen.screenshot(f"dashboard-report{ui.replace('/', '-')}")


def latest_artifact(api: str, key: str) -> dict[str, Any]:
    """Read without Prefect's client, which finds no event loop beside a browser's."""
    body = json.dumps({"artifacts": {"key": {"any_": [key]}}}).encode()
    asked = urllib.request.Request(
        f"{api}/artifacts/latest/filter", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked) as answer:
        (found,) = json.load(answer)
    return dict(found)
