"""kill -9 before and after every request of a commit and of a checkpoint to S3."""

from __future__ import annotations

import multiprocessing
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterpoise.artifacts import bucket
from counterpoise.artifacts.store import Miss, Ref, Store
from tests.artifacts.making import FILES, commit, contents, parts, write
from tests.artifacts.s3_server import S3Server, running

URL = "s3://bucket/store"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running() as server:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/moto-api/reset", method="POST")).close()
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/bucket", method="PUT")).close()
        yield server


def _die(
    work: str, number: int, request: int, is_after: bool, environment: dict[str, str], cache: Path
) -> None:
    """Does ``work`` and is killed at its ``request``-th request."""
    os.environ.update(environment)
    store = Store.open(URL, cache=cache)
    left = request
    real = bucket.Bucket._call

    def call(self: bucket.Bucket, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return real(self, *args, **kwargs)
        finally:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    bucket.Bucket._call = call  # type: ignore[method-assign]
    {"commit": _commit, "checkpoint": _checkpoint}[work](store, number)


def _commit(store: Store, number: int) -> None:
    commit(store, parts(number=number), {**FILES, "number": b"%d" % number})


def _checkpoint(store: Store, number: int) -> None:
    scratch = store.scratch("adapter", parts(number=number).key)
    write(scratch.folder, {"checkpoint-1/state": b"1" * 99})
    scratch.save("checkpoint-1")
    write(scratch.folder, {"checkpoint-2/state": b"2" * 99})
    scratch.save("checkpoint-2")
    scratch.remove("checkpoint-1")


def _check_commit(store: Store, number: int) -> None:
    found = store.lookup("scores", parts(number=number).key)
    assert isinstance(found, Ref) or found == Miss("never computed with this key")
    assert store.verify() == []
    ref = commit(store, parts(number=number), {**FILES, "number": b"%d" % number})
    assert contents(store.fetch(ref)) == {**FILES, "number": b"%d" % number}


def _check_checkpoint(store: Store, number: int) -> None:
    scratch = store.scratch("adapter", parts(number=number).key)
    items = scratch.restore()
    assert set(items) <= {"checkpoint-1", "checkpoint-2"}
    for item in items:
        assert contents(scratch.folder / item) == {"state": item[-1:].encode() * 99}
    scratch.clear()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("work", ["commit", "checkpoint"])
def test_killed_at_every_request(server: S3Server, tmp_path: Path, work: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.artifacts.test_s3_kill", "s3fs"])
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": server.url}
    elsewhere = Store.open(URL, cache=tmp_path / "elsewhere")
    kills = 0
    for number in range(100):
        request, is_after = number // 2 + 1, bool(number % 2)
        cache = tmp_path / str(number)
        victim = context.Process(target=_die, args=(work, number, request, is_after, environment, cache))
        victim.start()
        victim.join()
        {"commit": _check_commit, "checkpoint": _check_checkpoint}[work](elsewhere, number)
        if victim.exitcode == 0:
            break
        assert victim.exitcode == -signal.SIGKILL
        kills += 1
    print(f"{kills} kills at the requests of a {work}")
    assert kills > 10
