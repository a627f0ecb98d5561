"""kill -9 all along every operation that writes: nothing half-done is visible, nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from counterpoise.artifacts.store import Miss, Store
from tests.artifacts.making import FILES, commit, contents, parts, write
from tests.artifacts.surgery import run_and_kill

OLD = {"old.parquet": b"PAR1 committed long before PAR1"}
STEP = int(os.environ.get("KILL_STEP", "13"))
"""Lines between two kills. KILL_STEP=1 kills at every line: over six thousand kills."""


@dataclass(frozen=True)
class Operation:
    """Something that is killed.

    Attributes:
        prepare: what is in the store before.
        act: what is killed.
        check: what must hold afterwards, whenever the kill came.
    """

    prepare: Callable[[Store], object]
    act: Callable[[Store], object]
    check: Callable[[Store], object]


def _check_new(store: Store) -> None:
    found = store.lookup("scores", parts().key)
    assert isinstance(found, Miss) or contents(store.fetch(found)) == FILES
    assert not (isinstance(found, Miss) and found.damaged), "a half artifact was visible"
    assert store.verify(full=True) == []
    assert contents(store.fetch(commit(store))) == FILES


def _damage(store: Store) -> None:
    ref = commit(store, parts(twin=1))
    (store.fetch(ref) / "table.parquet").write_bytes(b"x" * 20)


def _after_damage(store: Store) -> None:
    assert contents(store.fetch(commit(store))) == FILES
    assert contents(store.fetch(commit(store, parts(twin=1)))) == FILES
    assert store.verify(full=True) == []


def _look_up_damaged(store: Store) -> None:
    assert isinstance(store.lookup("scores", parts(twin=1).key), Miss)


def _save(store: Store) -> None:
    scratch = store.scratch("adapter", parts("adapter").key)
    write(scratch.folder, {"checkpoint-2/state.bin": b"two" * 30, "checkpoint-2/rng/0.pt": b"r"})
    scratch.save("checkpoint-2")
    scratch.remove("checkpoint-1")


def _save_first(store: Store) -> None:
    scratch = store.scratch("adapter", parts("adapter").key)
    write(scratch.folder, {"checkpoint-1/state.bin": b"one" * 30})
    scratch.save("checkpoint-1")
    scratch.close()


def _check_scratch(store: Store) -> None:
    scratch = store.scratch("adapter", parts("adapter").key)
    items = scratch.restore()
    assert set(items) in ({"checkpoint-1"}, {"checkpoint-1", "checkpoint-2"}, {"checkpoint-2"}), (
        "a checkpoint is lost"
    )
    if "checkpoint-1" in items:
        assert contents(scratch.folder / "checkpoint-1") == {"state.bin": b"one" * 30}
    if "checkpoint-2" in items:
        assert contents(scratch.folder / "checkpoint-2") == {"state.bin": b"two" * 30, "rng/0.pt": b"r"}
    assert {path.name.removesuffix(".COMPLETE") for path in scratch.folder.iterdir()} == set(items)
    scratch.clear()
    assert not scratch.folder.exists()


def _record(store: Store) -> None:
    store.write_run("run-1", {"status": "completed", "stages": [], "log": "x" * 500})


def _check_record(store: Store) -> None:
    assert store.run("latest")["status"] in {"running", "completed"}
    assert store.verify() == []


def _hold(store: Store) -> None:
    with store.lease("scores", parts().key, 600, "victim", needs=[]) as lease:
        lease.renew()
        commit(store)


def _check_lease(store: Store) -> None:
    with store.lease("scores", parts().key, 600, "heir") as lease:
        assert lease.held
        _check_new(store)


def _litter(store: Store) -> None:
    kept = commit(store, parts("pairs", kept=1), {"a": b"kept"})
    child = commit(store, parts("scores", kept=1), {"b": b"kept"}, [kept])
    store.write_run("kept", {"stages": [child.to_json()]})
    for number in range(2):
        commit(store, parts("pairs", gone=number), {"a": b"gone %d" % number})
    _save_first(store)


def _collect(store: Store) -> None:
    store.gc(keep_runs=1, min_age_s=-1)


def _check_collected(store: Store) -> None:
    assert store.verify(full=True) == []
    assert not isinstance(store.lookup("scores", parts("scores", kept=1).key), Miss)
    assert not isinstance(store.lookup("pairs", parts("pairs", kept=1).key), Miss)
    assert store.run("latest")["run"] == "kept"
    _collect(store)
    assert len(list((Path(store.url) / "objects").glob("*/*"))) == 2
    assert len(list((Path(store.url) / "manifests").rglob("*.json"))) == 2


def _nothing(store: Store) -> None:
    pass


def _reopen(store: Store) -> None:
    (Path(store.url) / "format.json").unlink()
    Store.open(store.url)


OPERATIONS = {
    "commit": Operation(_nothing, commit, _check_new),
    "commit of content that is there": Operation(lambda s: commit(s, parts(twin=1)), commit, _check_new),
    "commit over damaged content": Operation(_damage, commit, _after_damage),
    "look-up of damage": Operation(_damage, _look_up_damaged, _after_damage),
    "checkpoint": Operation(_save_first, _save, _check_scratch),
    "run record": Operation(lambda s: s.write_run("run-1", {"status": "running"}), _record, _check_record),
    "lease": Operation(_nothing, _hold, _check_lease),
    "garbage collection": Operation(_litter, _collect, _check_collected),
    "opening": Operation(_nothing, _reopen, _check_new),
}


def kills(operation: Operation, folder: Path, step: int) -> Iterator[int]:
    """The lines at which the operation was killed, each in a store of its own."""
    for line in range(1 + step // 2, 100_000, step):
        store = Store.open(folder / str(line))
        operation.prepare(store)
        # A collection may delete it, so there it is not part of the store.
        old = None if operation.act is _collect else commit(store, parts("old"), OLD)
        was_killed = run_and_kill(partial(operation.act, Store.open(store.url)), line)
        after = Store.open(store.url)
        operation.check(after)
        if old is not None:
            assert contents(after.fetch(old)) == OLD, "what was committed before is lost"
        assert _litter_after(after) == []
        if not was_killed:
            return
        shutil.rmtree(store.url)
        yield line


def _litter_after(store: Store) -> list[str]:
    """Drafts left in the workspace once another draft was opened."""
    with store.draft("scores", parts().key):
        pass
    return [path.name for path in (Path(store.url) / "tmp").iterdir() if path.name.startswith("draft-")]


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_line_by_line(name: str, memory_folder: Path) -> None:
    count = len(list(kills(OPERATIONS[name], memory_folder, STEP)))
    print(f"{count} kills in {name!r}")
    assert count > 0


def test_the_order_of_writes_survives_a_power_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rename comes after its bytes are on the disk, the manifest's after the content's name is."""
    events: list[str] = []
    real_sync, real_rename, real_replace = os.fsync, Path.rename, Path.replace

    def name(path: str | Path) -> str:
        return Path(path).relative_to(store.url).as_posix() if str(path).startswith(store.url) else str(path)

    def sync(descriptor: int) -> None:
        events.append(f"sync {name(Path(f'/proc/self/fd/{descriptor}').readlink())}")
        real_sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        events.append(f"rename {name(target)}")
        return real_rename(self, target)

    def replace(self: Path, target: Path) -> Path:
        events.append(f"rename {name(target)}")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(Path, "replace", replace)
    ref = commit(store, files={"a.bin": b"a"})
    content = f"objects/{ref.sha256[:2]}/{ref.sha256}"
    placed = events.index(f"rename {content}")
    listed = events.index(f"rename manifests/scores/{ref.key}.json")
    assert any(event.endswith("/a.bin") for event in events[:placed]), "the content's bytes first"
    assert f"sync objects/{ref.sha256[:2]}" in events[placed:listed], "its name before the manifest"
    assert events[listed - 1].startswith("sync tmp/write-"), "the manifest's bytes before its name"
    assert events[listed + 1] == "sync manifests/scores", "and that name last"
