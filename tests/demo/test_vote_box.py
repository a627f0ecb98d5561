"""Votes survive kill -9 and writers at once, in a folder and in a bucket."""

from __future__ import annotations

import multiprocessing
import os
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from counterpoise.artifacts.store import Store
from counterpoise.artifacts.votes import VoteBox
from counterpoise.votes.records import Vote
from tests.artifacts.s3_server import running
from tests.votes.test_statistics import vote

ADAPTER = "a" * 64


@pytest.fixture(params=["folder", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "cache"))
    if request.param == "folder":
        yield str(tmp_path / "store")
        return
    with running() as server:
        credentials = {
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for name, value in {**credentials, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/bucket", method="PUT")).close()
        yield "s3://bucket/store"


def numbered(number: int) -> Vote:
    return replace(vote(0, "r", f"item {number}", "tuned"), vote_id=f"{number:032x}")


def test_two_pages_vote_at_once_and_nothing_is_lost(url: str) -> None:
    store = Store.open(url)
    pages = [VoteBox(store, ADAPTER), VoteBox(Store.open(url), ADAPTER)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: pages[number % 2].cast(numbered(number)), range(8)))
    for page in pages:
        assert {item.vote_id for item in page.votes()} == {numbered(number).vote_id for number in range(8)}
    assert VoteBox(store, "b" * 64).votes() == []
    assert store.verify() == []


def _vote_on(url: str, confirmed: str) -> None:
    box = VoteBox(Store.open(url), ADAPTER)
    with Path(confirmed).open("w", buffering=1) as file:
        for number in range(100_000):
            box.cast(numbered(number))
            file.write(f"{number}\n")


def test_every_confirmed_vote_survives_kill_9(tmp_path: Path) -> None:
    url, confirmed = str(tmp_path / "store"), tmp_path / "confirmed"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.demo.test_vote_box"])
    for round_ in range(2):
        victim = context.Process(target=_vote_on, args=(url, str(confirmed)))
        victim.start()
        while not (confirmed.exists() and len(confirmed.read_text().splitlines()) > 5 + 7 * round_):
            victim.join(0.02)
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        box = VoteBox(Store.open(url), ADAPTER)
        found = {int(item.vote_id, 16) for item in box.votes()}
        assert {int(line) for line in confirmed.read_text().split()} <= found
        assert box.unreadable == ()
        confirmed.unlink()


def test_a_damaged_file_is_named_and_hides_no_other(tmp_path: Path) -> None:
    box = VoteBox(Store.open(tmp_path / "store"), ADAPTER)
    box.cast(numbered(1))
    (tmp_path / "store" / "votes" / ADAPTER / "bad.parquet").write_bytes(b"PAR1")
    assert box.votes() == [numbered(1)]
    assert box.unreadable == (f"votes/{ADAPTER}/bad.parquet",)


def test_other_tools_read_them_too(tmp_path: Path) -> None:
    VoteBox(Store.open(tmp_path / "store"), ADAPTER).cast(numbered(7))
    table = pq.read_table(tmp_path / "store" / "votes" / ADAPTER)
    assert table.column("fluency").to_pylist() == ["tuned"]
