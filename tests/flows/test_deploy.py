"""`counterpoise deploy` and `reap`: errors of one line, rules of recovery, and a second time that changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from counterpoise.errors import UsageError
from counterpoise.flows.commands.reap import command as reap_command
from counterpoise.flows.configure import profile_names
from counterpoise.flows.deploying.automations import (
    RESUME,
    attempts_on,
    ensure_automations,
    notifications,
    recovery,
)
from counterpoise.flows.deploying.deployments import check_deployment
from counterpoise.flows.deploying.everything import Wanted, advice, deploy
from counterpoise.flows.deploying.limits import ensure_gpu_limit
from counterpoise.flows.deploying.pools import check_process_pool
from counterpoise.flows.deploying.reaper import Rules, Signs, Verdict, looked, verdict
from counterpoise.flows.deploying.slots import LASTING, free_slots
from tests.flows.machines import free_port
from tests.servers import talking_to

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (Signs(StateType.RUNNING, ago(hours=9), ago(seconds=179), 1), None),
        (Signs(StateType.RUNNING, ago(hours=9), ago(seconds=181), 1), "lost"),
        (Signs(StateType.RUNNING, ago(seconds=170), None, 1), None),  # its first heartbeat may be on its way
        (Signs(StateType.RUNNING, ago(seconds=181), None, 1), "lost"),
        (
            Signs(StateType.RUNNING, ago(seconds=10), ago(hours=1), 2),
            None,
        ),  # the heartbeat of an earlier attempt
        (Signs(StateType.PENDING, ago(minutes=59), None, 0), None),
        (Signs(StateType.PENDING, ago(minutes=61), None, 0), "resume"),
        (Signs(StateType.CRASHED, ago(seconds=89), None, 1), None),  # the automation's turn
        (Signs(StateType.CRASHED, ago(seconds=91), None, 9), "resume"),
        (Signs(StateType.CRASHED, ago(seconds=181), None, 10), None),  # a crash loop
        (Signs(StateType.CRASHED, ago(hours=25), None, 1), None),
        (Signs(StateType.PENDING, ago(hours=2), None, 10), None),
        (Signs(StateType.COMPLETED, ago(hours=2), None, 1), None),
    ],
)
def test_which_runs_are_lost(signs: Signs, expected: str | None) -> None:
    assert verdict(signs, NOW, Rules()) == expected


def test_a_crashing_run_is_resumed_until_its_last_attempt() -> None:
    (resume,) = (each for each in recovery(4) if each.name == "counterpoise-crashed-run-resumes")
    assert resume.trigger.match["prefect.run-count"] == ["1", "2", "3"]  # type: ignore[union-attr]


class Automations:
    """A server that has these automations."""

    def __init__(self, *found: AutomationCore) -> None:
        self.found = found

    def read_automations_by_name(self, name: str) -> list[AutomationCore]:
        return [automation for automation in self.found if automation.name == name]


def attempts_of(*found: AutomationCore) -> int:
    return attempts_on(Automations(*found))  # type: ignore[arg-type]


def test_the_reapers_limit_is_the_automations() -> None:
    assert [attempts_of(*recovery(limit)) for limit in (2, 3, 12)] == [2, 3, 12]
    assert attempts_of() == 10  # `deploy` was never run
    (silent, *_) = recovery(3)
    assert attempts_of(silent.model_copy(update={"name": RESUME})) == 10  # made by hand, without a count


def test_a_run_is_given_up_where_neither_goes_on() -> None:
    _, given_up = notifications(uuid4(), 3)
    assert given_up.trigger.match["prefect.run-count"] == ["0", "3"]  # type: ignore[union-attr]
    crashed = Signs(StateType.CRASHED, ago(seconds=91), None, 3)
    assert verdict(crashed, NOW, Rules(attempts=attempts_of(*recovery(3)))) is None
    assert "attempt 3, its last, or before its first" in given_up.description


@pytest.mark.parametrize(
    ("asked", "limit"), [([], 3), (["--attempts", "7"], 7)], ids=["as deployed", "asked for"]
)
def test_reap_has_the_limit_of_deploy_unless_asked(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], limit: int
) -> None:
    used: list[Rules] = []

    def reap(client: object, rules: Rules, *, dry_run: bool) -> list[object]:
        used.append(rules)
        return []

    server = nullcontext(Automations(*recovery(3)))
    monkeypatch.setattr("counterpoise.flows.deploying.server.configured_server", lambda: server)
    monkeypatch.setattr("counterpoise.flows.deploying.reaper.reap", reap)
    monkeypatch.setattr("counterpoise.flows.deploying.slots.free_slots", lambda *_, **__: 0)
    done = CliRunner().invoke(reap_command, asked, catch_exceptions=False)
    assert done.output.endswith(" UTC  runs: none under way or crashed; nothing to bring back\n")
    assert (done.exit_code, [rules.attempts for rules in used]) == (0, [limit])


@pytest.mark.parametrize(
    ("url", "code", "expected"),
    [
        ("", 2, "PREFECT_API_URL is not set"),
        ("http://127.0.0.1:{port}/api", 1, "does not answer"),
    ],
)
@pytest.mark.parametrize("command", ["deploy", "reap", "worker"])
def test_no_server_is_one_line(command: str, url: str, code: int, expected: str, root: Path) -> None:
    (line,) = refused(root, code, url.format(port=free_port()), command)
    assert expected in line and " — " in line


def test_a_run_asks_the_configured_server_before_it_starts(root: Path) -> None:
    _, line = refused(root, 1, f"http://127.0.0.1:{free_port()}/api", "run", "--profile", "smoke")
    assert "does not answer ([Errno 111] Connection refused) — is it running" in line
    assert line.endswith("Without that setting the command starts a server of its own")


def refused(root: Path, code: int, url: str, *arguments: str) -> list[str]:
    """What the command says on stderr where PREFECT_API_URL is ``url``."""
    environment = {**os.environ, "PREFECT_API_URL": url}
    if not url:
        del environment["PREFECT_API_URL"]
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise.flows.cli", *arguments],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stderr.strip().splitlines()


def test_a_look_says_when_and_what_was_there() -> None:
    def run(name: str) -> FlowRun:
        return FlowRun(name=name, flow_id=uuid4(), state_name=name)

    found: list[tuple[FlowRun, Verdict | None]] = [
        (run("Running"), None), (run("Running"), "lost"), (run("Crashed"), "resume")
    ]  # fmt: skip
    expected = "2026-01-02 12:00:00 UTC  runs: 1 crashed, 2 running; 2 brought back, 1 GPU slot freed"
    assert looked(found, 1, NOW) == expected
    assert looked(found[:1], 0, NOW) == "2026-01-02 12:00:00 UTC  runs: 1 running; nothing to bring back"


class Deployments:
    """A server without a deployment; Prefect's client answers a name of another form itself."""

    def read_deployment_by_name(self, name: str) -> None:
        raise ValueError("Invalid") if "/" not in name else ObjectNotFound(Exception("404"))


@pytest.mark.parametrize("name", ["debias/nope", "nope"])
def test_a_sweep_over_a_deployment_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(
        "counterpoise.flows.deploying.deployments.configured_server", lambda: nullcontext(Deployments())
    )
    with pytest.raises(UsageError, match=f"has no deployment '{name}' — give FLOW/NAME"):
        check_deployment(name)


class Pools:
    """A server with one pool, of Docker containers."""

    def read_work_pool(self, name: str) -> WorkPool:
        if name != "boxes":
            raise ObjectNotFound(Exception("404"))
        return WorkPool(name="boxes", type="docker", base_job_template={})


@pytest.mark.parametrize(
    ("pool", "expected"),
    [("gpu", "no work pool 'gpu' — `counterpoise deploy` makes it"), ("boxes", "type docker, not processes")],
)
def test_a_worker_without_a_pool_for_it_is_one_line(pool: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        check_process_pool(Pools(), pool)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_second_time_changes_only_what_was_changed(prefect_server: str) -> None:
    def wanted(**changes: object) -> Wanted:
        plain = Wanted("again", "docker", 1, 1, 5, "s3://b/store", variables={}, secrets={}, notify=None)
        return replace(plain, **changes)  # type: ignore[arg-type]

    with talking_to(prefect_server), get_client(sync_client=True) as client:
        deploy(wanted())
        assert attempts_on(client) == 5
        assert {change.action for change in deploy(wanted())} == {"unchanged"}

        (resume,) = (a for a in client.read_automations() if a.name == "counterpoise-crashed-run-resumes")
        client.pause_automation(resume.id)
        changed = {c.name: c.action for c in deploy(wanted(variables={"image": "mine:2"}, attempts=6))}
        assert [name for name, action in changed.items() if action == "updated"] == [
            "again (docker)",
            "counterpoise-crashed-run-resumes",
        ]
        (resume,) = (a for a in client.read_automations() if a.name == "counterpoise-crashed-run-resumes")
        assert not resume.enabled  # a person paused it
        assert attempts_on(client) == 6
        assert {change.action for change in ensure_automations(client, recovery(6))} == {"unchanged"}

        secret = {c.name: c.action for c in deploy(wanted(secrets={"HF_TOKEN": "hub"}, attempts=6))}
        assert secret["debias/smoke"] == "updated"
        smoke = client.read_deployment_by_name("debias/smoke")
        assert smoke.job_variables == {"env": {"HF_TOKEN": "{{ prefect.blocks.secret.hub }}"}}
        names = {deployment.name for deployment in client.read_deployments()}
        assert names >= set(profile_names())


@pytest.mark.slow
def test_a_slot_that_no_task_holds_is_given_back(prefect_server: str) -> None:
    minute = timedelta(minutes=1)
    with talking_to(prefect_server), get_client(sync_client=True) as client:
        ensure_gpu_limit(client, 1)
        client.increment_concurrency_slots(
            ["tag:gpu"], 1, "concurrency"
        )  # what a restarted server knows of a lease
        now = datetime.now(UTC)
        assert free_slots(client, now, minute) == 0  # its task may have begun this moment
        assert free_slots(client, now + 2 * minute, minute, dry_run=True) == 1
        assert client.read_global_concurrency_limit_by_name("tag:gpu").active_slots == 1
        assert free_slots(client, now + 2 * minute, minute) == 1
        assert client.read_global_concurrency_limit_by_name("tag:gpu").active_slots == 0
        assert free_slots(client, now + 2 * minute, minute) == 0


@pytest.mark.slow
def test_a_server_with_leases_in_memory_is_told_of(prefect_server: str) -> None:
    with talking_to(prefect_server):
        assert advice().startswith("this server forgets on a restart") and LASTING in advice()
