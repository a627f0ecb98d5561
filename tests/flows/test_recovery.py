"""What deployed runs survive: losing their process, their server and their whole machine, and being killed five ways.

All processes are real: Prefect's server, workers with a HOME, a checkout and a working folder each, `counterpoise
reap`. Between the machines is nothing but the store, a folder or a bucket.
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from counterpoise.flows.deploying.reaper import Rules
from tests.artifacts.s3_server import running
from tests.flows.kills import Survived, five_kills
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


@dataclass(frozen=True)
class Dramas:
    """What is played, by the store of the first two."""

    endings: dict[str, Future[Ending]]
    kills: Future[Survived]


@pytest.fixture(scope="module")
def dramas(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dramas]:
    """Two at a time: most of their time goes by in waiting."""
    folder = tmp_path_factory.mktemp("recovery")
    with running() as bucket, pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": bucket.url}.items():
            patch.setenv(name, value)
        for method, path in (("POST", "moto-api/reset"), ("PUT", "bucket")):
            urllib.request.urlopen(urllib.request.Request(f"{bucket.url}/{path}", method=method)).close()
        stores = {"folder": str(folder / "shared"), "bucket": "s3://bucket/shared"}
        here = {**os.environ, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        endings = {
            kind: pool.submit(drama, store, root, folder / kind, here) for kind, store in stores.items()
        }
        yield Dramas(endings, pool.submit(five_kills, root, folder / "kills", here))
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_run_survives_its_process_its_server_and_its_machine(kind: str, dramas: Dramas) -> None:
    ending = dramas.endings[kind].result()
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


SEEN_S, AGAIN_S, LOST_S = 20.0, 120.0, 60.0
"""On two cores shared with other work; the printed times of a quiet machine are a fraction."""


@pytest.mark.slow
def test_a_run_survives_every_kill(dramas: Dramas) -> None:
    """The times are printed (`pytest -s`); what they must be is asserted with room for a busy machine."""
    survived = dramas.kills.result()
    print("", *survived.kills, sep="\n")
    assert len(survived.kills) == 5
    for kill in survived.kills:
        asked = kill.how.startswith("SIGTERM")
        assert kill.state == ("AwaitingRetry" if asked else "Crashed"), survived.history
        assert kill.seen < SEEN_S and kill.again < AGAIN_S, survived.history
        assert kill.lost == 0 if asked else kill.lost < LOST_S, kill
    assert not any(name.startswith("waits for the GPU") for name in survived.tasks)
    assert survived.worker_code == 0


def drama(store: str, root: Path, folder: Path, environment: Mapping[str, str]) -> Ending:
    """Two deaths and a restart inside training; nothing but the store is there for the second machine."""
    server = Server(folder / "server", environment)
    given = {**environment, "PREFECT_API_URL": server.url, "OMP_NUM_THREADS": "1"}
    first, second = (Machine(name, folder / name, root, given) for name in ("first", "second"))
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
