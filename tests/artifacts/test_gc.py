"""Garbage collection keeps what something needs and deletes the rest."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from counterpoise.artifacts.gc import GcReport
from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from counterpoise.flows.commands.gc import command
from tests.artifacts.making import Clock, commit, parts, write

DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    return Store.open(tmp_path / "store", clock=clock)


def run(store: Store, clock: Clock, name: str, *refs: Ref, **more: str) -> None:
    store.write_run(name, {"stages": [ref.to_json() for ref in refs], **more})
    clock.forward(1.0)


def age(store: Store, days: float) -> None:
    """Makes everything in the store look as if it had been written days earlier."""
    for path in Path(store.url).rglob("*"):
        status = path.stat()
        os.utime(path, (status.st_atime - days * DAY, status.st_mtime - days * DAY))


def pair(store: Store, number: int) -> tuple[Ref, Ref]:
    """Two artifacts, the second made from the first."""
    parent = commit(store, parts("pairs", number=number), {"a": b"parent %d" % number})
    child = commit(store, parts("scores", number=number), {"b": b"child %d" % number}, [parent])
    return parent, child


def there(store: Store, *refs: Ref) -> list[bool]:
    return [not isinstance(store.lookup(ref.stage, ref.key, peek=True), Miss) for ref in refs]


def objects(store: Store) -> int:
    return len(list((Path(store.url) / "objects").glob("*/*")))


def test_the_newest_runs_and_their_ancestors_stay(store: Store, clock: Clock) -> None:
    pairs = [pair(store, number) for number in range(3)]
    for number, (_, child) in enumerate(pairs):
        run(store, clock, f"run-{number}", child)
    age(store, 2)
    report = store.gc(keep_runs=2)
    assert [there(store, *refs) for refs in pairs] == [[False, False], [True, True], [True, True]]
    assert [record["run"] for record in store.runs()] == ["run-2", "run-1"]
    assert sorted(item.kind for item in report.removed) == ["manifest", "manifest", "object", "object", "run"]
    assert (report.kept, objects(store)) == (4, 4)
    assert store.verify(full=True) == []


def test_failed_attempts_push_no_finished_run_out(store: Store, clock: Clock) -> None:
    model = pair(store, 0)
    run(store, clock, "finished", model[1], profile="local", status="completed")
    for number in range(1, 4):
        run(store, clock, f"attempt-{number}", profile="local", status="failed")
    age(store, 2)
    store.gc(keep_runs=2)  # of one finished and three unfinished runs the newest two of each stay
    assert [record["run"] for record in store.runs()] == ["attempt-3", "attempt-2", "finished"]
    assert there(store, *model) == [True, True]


def test_profiles_and_sweeps_are_counted_for_themselves(store: Store, clock: Clock) -> None:
    for number in range(2):
        run(store, clock, f"local-{number}", profile="local", status="completed")
        run(store, clock, f"sweep-{number}", profile="local", status="incomplete", kind="sweep")
        run(store, clock, f"smoke-{number}", profile="smoke", status="completed")
    age(store, 2)
    store.gc(keep_runs=1)
    assert [record["run"] for record in store.runs()] == ["smoke-1", "sweep-1", "local-1"]


def test_the_minimum_age_is_not_negative(store: Store, clock: Clock) -> None:
    run(store, clock, "run-0", profile="local", status="completed")
    done = CliRunner().invoke(command, ["--store", store.url, "--keep", "0", "--min-age-hours", "-1"])
    assert done.exit_code == 2
    assert "-1.0 is not in the range x>=0" in done.output
    assert len(store.runs()) == 1


def test_a_dry_run_says_the_same_and_deletes_nothing(store: Store, clock: Clock) -> None:
    for number in range(3):
        run(store, clock, f"run-{number}", *pair(store, number))
    age(store, 2)
    before = sorted(Path(store.url).rglob("*"))
    dry = store.gc(keep_runs=1, dry_run=True)
    assert sorted(Path(store.url).rglob("*")) == before
    wet = store.gc(keep_runs=1)
    assert dry.removed == wet.removed
    assert (dry.dry_run, wet.dry_run) == (True, False)
    assert dry.freed_bytes == wet.freed_bytes > 0
    assert "would delete 10 items" in str(dry)  # 2 runs, 4 manifests, 4 objects
    assert "deleted 10 items" in str(wet)


@pytest.mark.parametrize("pin", ["run-0", "run id", "key"])
def test_pins_stay(store: Store, clock: Clock, pin: str) -> None:
    old, new = pair(store, 0), pair(store, 1)
    run(store, clock, "run-0-of-the-paper", old[1])
    run(store, clock, "run-1", new[1])
    age(store, 2)
    pins = {"run-0": "run-0", "run id": "run-0-of-the-paper", "key": old[1].key}[pin]
    store.gc(keep_runs=1, pins=[pins])
    assert there(store, *old, *new) == [True] * 4


def test_an_unknown_pin_stops_the_collection(store: Store, clock: Clock) -> None:
    refs = pair(store, 0)
    age(store, 2)
    with pytest.raises(StoreError, match="'nope' matches no run"):
        store.gc(keep_runs=0, pins=["nope"])
    assert there(store, *refs) == [True, True]


def test_young_artifacts_and_their_old_ancestors_stay(store: Store) -> None:
    parent, child = pair(store, 0)
    age(store, 2)
    grandchild = commit(store, parts("report"), {"c": b"x"}, [child])
    store.gc(keep_runs=0)
    assert there(store, parent, child, grandchild) == [True] * 3


def test_what_was_used_lately_counts_as_young(store: Store) -> None:
    used, unused = pair(store, 0), pair(store, 1)
    age(store, 2)
    assert store.lookup("scores", used[1].key) == used[1]
    store.gc(keep_runs=0)
    assert there(store, *used, *unused) == [True, True, False, False]


def test_what_is_looked_up_during_a_collection_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pair(store, 0)
    other = commit(store, parts("pairs", number=9), {"a": b"other"})
    store.write_run("old", {})
    age(store, 2)
    real = type(store.backend).remove

    def remove(self: object, name: str) -> None:
        assert name == "runs/old.json", "records go first"
        for ref in (parent, child):
            assert store.lookup(ref.stage, ref.key) == ref
        monkeypatch.undo()
        real(store.backend, name)  # type: ignore[arg-type]

    monkeypatch.setattr(type(store.backend), "remove", remove)
    removed = store.gc(keep_runs=0).removed
    assert [item.kind for item in removed] == ["run", "manifest", "object"], "all but what was looked up"
    assert there(store, parent, child, other) == [True, True, False]
    assert store.verify(full=True) == []


def test_a_live_lease_keeps_what_it_needs_or_everything(store: Store) -> None:
    needed, other = pair(store, 0), pair(store, 1)
    age(store, 2)
    with store.lease("report", parts("report").key, 3600, "training"):
        store.gc(keep_runs=0)
        assert there(store, *needed, *other) == [True] * 4
    with store.lease("report", parts("report").key, 3600, "training", needs=[needed[1]]):
        store.gc(keep_runs=0)
        assert there(store, *needed, *other) == [True, True, False, False]


def test_an_expired_lease_keeps_nothing_and_goes(store: Store, clock: Clock) -> None:
    refs = pair(store, 0)
    manager = store.lease("report", parts("report").key, 60, "lost")
    manager.__enter__()
    path = Path(store.url) / "leases" / "report" / f"{parts('report').key}.json"
    path.write_text(path.read_text().replace('"host": "', '"host": "not-'))
    age(store, 2)
    clock.forward(61)
    store.gc(keep_runs=0)
    assert there(store, *refs) == [False, False]
    assert not path.exists()


def test_content_shared_with_a_kept_artifact_stays(store: Store, clock: Clock) -> None:
    one, two = commit(store, parts(a=1)), commit(store, parts(a=2))
    run(store, clock, "run-1", two)
    age(store, 2)
    store.gc(keep_runs=1)
    assert there(store, one, two) == [False, True]
    assert objects(store) == 1


def test_what_killed_commits_left_goes_when_old(store: Store) -> None:
    orphan = Path(store.url) / "objects" / "ab" / ("ab" + "0" * 62)
    write(orphan, {"model.bin": b"x" * 100})
    write(Path(store.url) / "tmp", {"write-1": b"x", "trash-1/a": b"x"})
    write(Path(store.url) / "quarantine", {"m~1": b"x", "m~1.reason.txt": b"why"})
    assert store.gc(keep_runs=0).removed == ()
    age(store, 2)
    report = store.gc(keep_runs=0)
    assert sorted(item.kind for item in report.removed) == [
        "object",
        "quarantine",
        "quarantine",
        "tmp",
        "tmp",
    ]
    assert not orphan.exists()


def test_scratch_stays_while_young_or_leased(store: Store) -> None:
    scratch = store.scratch("adapter", parts("adapter").key)
    write(scratch.folder, {"checkpoint-1/a": b"x"})
    scratch.save("checkpoint-1")
    scratch.close()
    store.gc(keep_runs=0)
    assert scratch.items() == ("checkpoint-1",), "young"
    age(store, 2)
    with store.lease("adapter", parts("adapter").key, 60, "me", needs=[]):
        store.gc(keep_runs=0)
        assert scratch.items() == ("checkpoint-1",), "leased"
    report = store.gc(keep_runs=0)
    assert not scratch.folder.exists()
    assert {item.kind for item in report.removed} == {"scratch"}


def test_a_draft_that_is_being_written_stays_however_old(store: Store) -> None:
    with store.draft("scores", parts().key) as draft:
        write(draft.folder, {"model.bin": b"x"})
        age(store, 30)
        store.gc(keep_runs=0)
        assert (draft.folder / "model.bin").exists()
        ref = store.commit(draft, parts(), label="x", rows=None, parents=[], facts={})
    assert there(store, ref) == [True]


def test_a_damaged_run_record_still_protects_what_it_names(store: Store, clock: Clock) -> None:
    refs = pair(store, 0)
    run(store, clock, "run-0", refs[1])
    path = Path(store.url) / "runs" / "run-0.json"
    path.write_bytes(path.read_bytes()[:-5])
    age(store, 2)
    store.gc(keep_runs=1)
    assert there(store, *refs) == [True, True]


def test_nothing_goes_while_the_clock_is_behind(store: Store, clock: Clock) -> None:
    refs = pair(store, 0)
    age(store, 2)
    clock.now -= 365 * DAY
    assert store.gc(keep_runs=0).removed == ()
    assert there(store, *refs) == [True, True]


def test_everything_goes_when_nothing_is_kept(store: Store, clock: Clock) -> None:
    run(store, clock, "run-0", *pair(store, 0))
    age(store, 2)
    report = store.gc(keep_runs=0)
    assert isinstance(report, GcReport)
    assert (report.kept, objects(store), store.runs()) == (0, 0, ())
    assert store.gc(keep_runs=0).removed == ()
