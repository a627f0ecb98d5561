"""Several processes on one store at once: each key computed once or identically, nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from tests.artifacts.making import commit, contents, parts, write

_SPAWN = multiprocessing.get_context("spawn")


def together(target: Callable[..., Any], count: int, *args: Any) -> list[Any]:
    """Runs ``target(index, *args)`` in ``count`` processes at once; their results, or a failure."""
    with _SPAWN.Pool(count) as pool:
        return pool.starmap(target, [(index, *args) for index in range(count)], chunksize=1)


def big(seed: int) -> dict[str, bytes]:
    return {f"part-{n}.bin": random.Random(seed * 10 + n).randbytes(300_000) for n in range(3)}


def _commit_same(index: int, url: str) -> Ref:
    return commit(Store.open(url), parts(), big(1))


def _commit_twins(index: int, url: str) -> Ref:
    return commit(Store.open(url), parts(twin=index), big(1))


def _commit_many(index: int, url: str) -> list[Ref]:
    store = Store.open(url)
    return [commit(store, parts(n=n, of=index), {"a": b"%d %d" % (index, n)}) for n in range(20)]


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("target", [_commit_same, _commit_twins])
def test_the_same_content_committed_at_once(tmp_path: Path, target: Callable[..., Ref], count: int) -> None:
    """The folder does not exist before: they race to make the store as well."""
    url = str(tmp_path / "store")
    refs = together(target, count, url)
    store = Store.open(url, create=False)
    assert len({ref.sha256 for ref in refs}) == 1
    for ref in refs:
        assert store.lookup("scores", ref.key) == ref
        assert contents(store.fetch(ref)) == big(1)
    assert len(list((tmp_path / "store" / "objects").glob("*/*"))) == 1
    assert store.verify(full=True) == []
    assert not (tmp_path / "store" / "quarantine").exists()
    assert [p.name for p in (tmp_path / "store" / "tmp").iterdir()] == []


def test_many_commits_from_four_processes_are_all_there(store: Store) -> None:
    refs = [ref for some in together(_commit_many, 4, store.url) for ref in some]
    assert len({ref.key for ref in refs}) == 80
    assert all(store.lookup("scores", ref.key) == ref for ref in refs)
    assert len(store.manifests("scores")) == 80


def _stage(index: int, url: str, log: str) -> str:
    """What a run does for one stage: look up, lease, look up again, compute, commit."""
    store = Store.open(url)
    found = store.lookup("scores", parts().key)
    if isinstance(found, Miss):
        with store.lease("scores", parts().key, 30, f"process {index}"):
            found = store.lookup("scores", parts().key)
            if isinstance(found, Miss):
                with Path(log).open("a") as file:
                    file.write(f"{index}\n")
                time.sleep(0.3)
                found = commit(store, parts(), big(2))
    return found.sha256


def test_four_runs_of_the_same_stage_compute_it_once(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "computed"
    assert len(set(together(_stage, 4, store.url, str(log)))) == 1
    assert len(log.read_text().splitlines()) == 1


def _stage_killed_at_random(index: int, url: str, seed: int) -> None:
    """Runs the stage in a child that is killed at a random moment, again and again until one finishes."""
    noise = random.Random(seed + index)
    while True:
        child = os.fork()
        if child == 0:
            _stage(index, url, os.devnull)
            os._exit(0)
        deadline = time.monotonic() + noise.uniform(0.0, 0.6)
        while time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return


def test_runs_killed_at_random_end_with_one_valid_artifact(store: Store) -> None:
    old = commit(store, parts("old"), {"a": b"old"})
    together(_stage_killed_at_random, 3, store.url, 11)
    found = store.lookup("scores", parts().key)
    assert isinstance(found, Ref)
    assert contents(store.fetch(found)) == big(2)
    assert store.lookup("old", old.key) == old
    assert store.verify(full=True) == []


def _race(index: int, url: str, seconds: float) -> int:
    """Process 0 collects garbage, the others commit, look up and read; how many reads there were."""
    store = Store.open(url)
    reads = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if index == 0:
                store.gc(keep_runs=0, min_age_s=-1)
                continue
            folder = store.fetch(commit(store, parts(), {"a": b"right"}))
            assert (folder / "a").read_bytes() == b"right"
            reads += 1
        except (StoreError, FileNotFoundError):
            continue  # collected under our hands: said so, never a wrong answer
    return reads


def test_collecting_what_others_are_using_never_gives_a_wrong_answer(store: Store) -> None:
    """No minimum age, which nobody should choose while others work: an artifact is whole or absent."""
    print(f"{sum(together(_race, 3, store.url, 2.0))} reads during collections")
    ref = commit(store, parts(), {"a": b"right"})
    assert contents(store.fetch(ref)) == {"a": b"right"}
    assert store.verify(full=True) == []


def _write_checkpoints(index: int, url: str) -> tuple[str, ...]:
    scratch = Store.open(url).scratch("adapter", parts().key)
    for step in range(5):
        write(scratch.folder, {f"checkpoint-{step}/state": b"%d" % step * 1000})
        scratch.save(f"checkpoint-{step}")
        if step > 1:
            scratch.remove(f"checkpoint-{step - 2}")
    items = scratch.restore()
    scratch.clear()
    return items


def test_two_trainings_of_the_same_key_do_not_write_into_each_other(store: Store) -> None:
    for items in together(_write_checkpoints, 2, store.url):
        assert set(items) >= {"checkpoint-3", "checkpoint-4"}


def _record(index: int, url: str) -> None:
    store = Store.open(url)
    for step in range(20):
        store.write_run(f"run-{index}", {"step": step})


def test_run_records_of_several_processes_are_all_whole(store: Store) -> None:
    together(_record, 4, store.url)
    assert {(run["run"], run["step"]) for run in store.runs()} == {(f"run-{n}", 19) for n in range(4)}
