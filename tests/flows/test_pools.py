"""The pool templates are Prefect's own plus what a GPU needs, and render to what Docker and Kubernetes accept."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import kubernetes_validate
import pytest
from docker.types import HostConfig
from prefect.client.schemas.objects import FlowRun
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker
from prefect_kubernetes.worker import KubernetesWorker

from counterpoise.errors import UsageError
from counterpoise.flows.deploying.automations import HEARTBEAT_S
from counterpoise.flows.deploying.pools import template

WORKERS: dict[str, type[BaseWorker[Any, Any, Any]]] = {
    "process": ProcessWorker,
    "docker": DockerWorker,
    "kubernetes": KubernetesWorker,
}
ADDED = {
    "process": set(),
    "docker": {"device_requests", "shm_size"},
    "kubernetes": {"gpu", "node_selector", "tolerations", "grace_seconds", "secret"},
}
FILLED_IN_ELSEWHERE = {"docker": {"container_create_kwargs"}}
KUBERNETES_VERSION = "1.31"


def rendered(pool_type: str, **values: Any) -> Any:
    """The job configuration that a worker of this pool makes for a run."""
    configuration = WORKERS[pool_type].job_configuration
    job = asyncio.run(configuration.from_template_and_values(template(pool_type, {}), values))
    job.prepare_for_flow_run(FlowRun(id=uuid4(), name="debias-smoke", flow_id=uuid4()))
    return job


@pytest.mark.parametrize("pool_type", WORKERS)
def test_template_is_prefects_own_with_our_variables(pool_type: str) -> None:
    ours = template(pool_type, {})
    theirs = WORKERS[pool_type].get_default_base_job_template()
    missing = FILLED_IN_ELSEWHERE.get(pool_type, set())
    assert set(ours["variables"]["properties"]) == (
        set(theirs["variables"]["properties"]) - missing | ADDED[pool_type]
    )
    assert set(ours["job_configuration"]) == set(theirs["job_configuration"])
    jsonschema.Draft202012Validator.check_schema(ours["variables"])
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(ours["job_configuration"])))
    assert used == set(ours["variables"]["properties"])  # no variable without effect, none undefined


@pytest.mark.parametrize("pool_type", WORKERS)
def test_runs_send_the_heartbeat_that_recovery_watches(pool_type: str) -> None:
    environment = rendered(pool_type, env={"MINE": "1"}).env
    names = (
        {item["name"]: item["value"] for item in environment}
        if isinstance(environment, list)
        else environment
    )
    assert names["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
    assert names["MINE"] == "1"


def test_docker_asks_the_engine_for_a_gpu() -> None:
    asked = rendered("docker").container_create_kwargs
    host = HostConfig(version="1.44", **asked)
    assert host["DeviceRequests"] == [
        {"Driver": "nvidia", "Count": 1, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    ]
    assert host["ShmSize"] == 2 << 30
    assert rendered("docker", device_requests=[]).container_create_kwargs["device_requests"] == []


def test_kubernetes_job_is_valid_and_its_variables_arrive() -> None:
    job = rendered(
        "kubernetes", gpu=2, node_selector={"pool": "a100"}, grace_seconds=90, image="worker:1", memory_limit="40Gi"
    ).job_manifest  # fmt: skip
    kubernetes_validate.validate(job, KUBERNETES_VERSION, strict=True)
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"memory": "40Gi", "nvidia.com/gpu": 2}
    assert container["image"] == "worker:1"
    assert pod["nodeSelector"] == {"pool": "a100"}
    assert pod["terminationGracePeriodSeconds"] == 90
    assert {
        "key": "cloud.google.com/gke-spot",
        "operator": "Equal",
        "value": "true",
        "effect": "NoSchedule",
    } in (pod["tolerations"])


def test_a_container_is_prefects_engine_itself_which_sigterm_reaches() -> None:
    assert rendered("docker").command == "python -m prefect.engine"
    job = rendered("kubernetes").job_manifest
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["python", "-m", "prefect.engine"]


def test_kubernetes_without_a_gpu_asks_for_none() -> None:
    job = rendered("kubernetes", gpu=0).job_manifest
    kubernetes_validate.validate(job, KUBERNETES_VERSION, strict=True)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 0


def test_a_default_is_replaced_and_an_unknown_variable_names_the_nearest() -> None:
    changed = template("docker", {"image": "mine:2", "env": {"HF_ENDPOINT": "x"}})
    properties = changed["variables"]["properties"]
    assert properties["image"]["default"] == "mine:2"
    assert {"HF_ENDPOINT", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"} <= set(properties["env"]["default"])
    with pytest.raises(UsageError, match="did you mean 'image'"):
        template("docker", {"imag": "x"})


def test_the_heartbeat_is_the_one_the_automation_counts_by(root: Path) -> None:
    for pool_type in WORKERS:
        text = (root / "deployments" / "pools" / f"{pool_type}.json").read_text(encoding="utf-8")
        assert f'"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "{HEARTBEAT_S}"' in text
