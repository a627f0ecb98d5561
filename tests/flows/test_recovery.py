"""A scheduled run that loses its process, its server and then its whole machine ends by itself on a second machine.

All processes are real: Prefect's server, two workers with a HOME, a checkout and a working folder each, `counterpoise
reap`. Between the machines is nothing but the store, a folder once and a bucket once.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from counterpoise.flows.deploying.reaper import Rules
from tests.artifacts.s3_server import running
from tests.flows.machines import Machine, Server
from tests.flows.watching import LONG, Watcher, everything_stopped_after

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Ending:
    """How the run stands when no hand was lent to it.

    Attributes:
        seen: the last checkpoint in the store before the first machine vanished.
        log: the run's log lines.
        states: by stage, of the tasks that its last start made.
        history: every state that the run came into: when, which, and why.
    """

    run: FlowRun
    seen: str
    log: list[str]
    states: dict[str, str]
    history: list[str]


@pytest.fixture(scope="module")
def endings(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ending]]]:
    """Both dramas at once: most of their time goes by in waiting."""
    folder = tmp_path_factory.mktemp("recovery")
    with running() as bucket, pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": bucket.url}.items():
            patch.setenv(name, value)
        for method, path in (("POST", "moto-api/reset"), ("PUT", "bucket")):
            urllib.request.urlopen(urllib.request.Request(f"{bucket.url}/{path}", method=method)).close()
        stores = {"folder": str(folder / "shared"), "bucket": "s3://bucket/shared"}
        yield {kind: pool.submit(drama, store, root, folder / kind) for kind, store in stores.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_run_survives_its_process_its_server_and_its_machine(
    kind: str, endings: dict[str, Future[Ending]]
) -> None:
    ending = endings[kind].result()
    history = "\n".join(ending.history)
    assert ending.run.state_name == "Completed", history
    # Two losses are the test's own. A worker that reports the first one late, after the server's restart, takes the
    # attempt that is already under way with it (docs/log.md), which costs one more.
    assert 3 <= ending.run.run_count < Rules().attempts, history
    resumed = [
        line for line in ending.log if line.startswith("adapter") and "went on from checkpoint-" in line
    ]
    assert len(resumed) == 1, ending.log
    assert resumed[0].rpartition("checkpoint-")[2] >= ending.seen  # where the first machine was, or later
    before = [
        "base-model",
        "neutral",
        "dataset",
        "pairs",
        "counterfactuals",
        "preflight",
        "own-text",
        "toxicity",
        "preferences",
        "generations-base",
    ]
    assert {stage: ending.states[stage] for stage in before} == dict.fromkeys(before, "Cached")
    assert {state for stage, state in ending.states.items() if stage not in before} == {"Completed"}


def drama(store: str, root: Path, folder: Path) -> Ending:
    """Two deaths and a restart inside training; nothing but the store is there for the second machine."""
    server = Server(folder / "server")
    environment = {"PREFECT_API_URL": server.url, "OMP_NUM_THREADS": "1"}
    first, second = (Machine(name, folder / name, root, environment) for name in ("first", "second"))
    with everything_stopped_after(server, first, second):
        server.start()
        first.counterpoise("deploy", "--store", store)
        watcher = Watcher(server, store)
        first.start_worker()
        second.start_reaper()
        run = watcher.start("debias/smoke", LONG)

        seen = watcher.checkpoint_after("")
        (process,) = first.flow_processes()
        process.kill()
        watcher.until(run, lambda now: now.state_type == StateType.CRASHED, 120)
        server.restart()
        watcher.until(run, lambda now: now.run_count >= 2 and now.state_type == StateType.RUNNING, 400)

        seen = watcher.checkpoint_after(seen)
        is_spot = not store.startswith("s3:")  # the other one's power is cut
        first.vanish(notice_s=1.0 if is_spot else 0.0)
        if not is_spot:
            assert watcher.read(run).state_type == StateType.RUNNING  # nobody has told the server
        second.start_worker()
        ended = watcher.until(
            run,
            lambda now: (
                now.state is not None and now.state.is_final() and now.state_type != StateType.CRASHED
            ),
            600,
        )
        states = watcher.tasks_of_attempt(run, ended.run_count)
        return Ending(ended, seen, watcher.log(run), states, watcher.history(run))
