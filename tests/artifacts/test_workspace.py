"""The workspace: what a live process writes stays, however old it looks; what a dead one left goes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from counterpoise.artifacts.bucket import Bucket
from counterpoise.artifacts.store import Store
from counterpoise.artifacts.workspace import OWNED, own_folder
from tests.artifacts.making import FILES, commit, contents, parts, write

HOUR = 3600


def age(path: Path, hours: float) -> None:
    """As if nothing had been made or renamed in it for that long."""
    then = time.time() - hours * HOUR
    os.utime(path, (then, then))


def sweep(workspace: Path) -> None:
    """Another piece of work begins, as every draft and download does."""
    with own_folder(workspace, "store", "draft-"):
        pass


@pytest.mark.parametrize("prefix", OWNED)
def test_a_live_process_keeps_its_folder_whatever_its_time(tmp_path: Path, prefix: str) -> None:
    with own_folder(tmp_path, "store", prefix) as folder:
        write(folder, {"model.bin": b"half of it"})
        age(folder, hours=5)
        age(folder.with_name(f"{folder.name}.lock"), hours=5)
        sweep(tmp_path)
        assert contents(folder) == {"model.bin": b"half of it"}
    assert list(tmp_path.iterdir()) == []


def _write_for_ever(workspace: str, prefix: str, ready: str) -> None:
    with own_folder(Path(workspace), "store", prefix) as folder:
        write(folder, {"model.bin": b"half of it"})
        Path(ready).touch()
        time.sleep(600)


def test_what_a_killed_process_left_goes_at_once(tmp_path: Path) -> None:
    workspace, ready = tmp_path / "tmp", tmp_path / "ready"
    victim = multiprocessing.get_context("spawn").Process(
        target=_write_for_ever, args=(str(workspace), "fetch-", str(ready))
    )
    victim.start()
    while not ready.exists():
        time.sleep(0.01)
    sweep(workspace)
    assert len(list(workspace.rglob("model.bin"))) == 1, "it lives"
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    sweep(workspace)
    assert list(workspace.iterdir()) == []


def test_other_litter_goes_after_an_hour(tmp_path: Path) -> None:
    write(tmp_path, {"write-old": b"", "write-new": b"", "trash-old/a": b"", "trash-new/a": b""})
    for name in ("write-old", "trash-old"):
        age(tmp_path / name, hours=1.1)
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"write-new", "trash-new"}


def test_a_download_of_hours_outlasts_the_drafts_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one file grows its folder's time stands still; a draft that another process opens must not take it."""
    store = Store.open("memory://slow/store", cache=tmp_path / "here")
    ref = commit(store)
    elsewhere = Store.open(store.url, cache=tmp_path / "elsewhere")
    workspace = elsewhere.backend.workspace
    real = Bucket.download

    def slow(bucket: Bucket, name: str, path: Path) -> None:
        real(bucket, name, path)
        for folder in workspace.glob("fetch-*"):
            age(folder, hours=2)
        with elsewhere.draft("scores", parts(other=1).key):
            pass

    monkeypatch.setattr(Bucket, "download", slow)
    assert contents(elsewhere.fetch(ref)) == FILES
    assert list(workspace.iterdir()) == []
