"""Full, read-only and failing disks: one line with a remedy, nothing half-written, and the next run goes on."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from counterpoise.artifacts.parquet import write_table
from counterpoise.artifacts.store import Miss, Store
from counterpoise.artifacts.table_spec import Column, TableSpec
from counterpoise.errors import StoreError
from tests.artifacts.making import FILES, commit, contents, parts, write

NOISE = random.Random(0).randbytes(200_000)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow over ``size`` bytes: a full disk that any user can have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["mount", "-o", "remount,rw", folder], capture_output=True, check=False)
    subprocess.run(["umount", folder], check=True)


def write_plain(folder: Path) -> None:
    write(folder, {"model.bin": NOISE * 10})


def write_parquet(folder: Path) -> None:
    noise = random.Random(1)
    spec = TableSpec("t", 1, (Column("x", "string", "noise"),))
    write_table(
        folder / "t.parquet", spec, pa.table({"x": [noise.randbytes(1_000).hex() for _ in range(3_000)]})
    )


def write_safetensors(folder: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    array = pytest.importorskip("numpy").frombuffer(NOISE * 10, dtype="uint8")
    numpy.save_file({"weight": array}, folder / "model.safetensors")


@pytest.mark.parametrize("writer", [write_plain, write_parquet, write_safetensors])
def test_a_disk_that_fills_while_a_stage_writes(small_disk: Path, writer: Callable[[Path], None]) -> None:
    store = Store.open(small_disk / "store")
    old = commit(store, parts("old"), {"a": b"old"})
    with pytest.raises(StoreError, match="the disk is full — free some space") as caught, \
         store.draft("scores", parts().key) as draft:  # fmt: skip
        writer(draft.folder)
    assert "\n" not in str(caught.value)
    assert isinstance(store.lookup("scores", parts().key), Miss)
    assert store.lookup("old", old.key) == old
    assert list((small_disk / "store" / "tmp").iterdir()) == [], "the draft's space is free again"
    assert contents(store.fetch(commit(store))) == FILES


def test_a_disk_that_is_full_at_every_moment_of_a_commit(small_disk: Path) -> None:
    """Leaves less and less space; at each amount the commit is whole or not there."""
    store = Store.open(small_disk / "store")
    refused = 0
    for free in range(60, -1, -4):
        ballast = small_disk / "ballast"
        space = os.statvfs(small_disk)
        ballast.write_bytes(bytes(max(0, space.f_bavail * space.f_frsize - free * 1024)))
        key = parts(free=free)
        try:
            commit(store, key, {"a": NOISE[free : free + 20_000]})
        except StoreError as error:
            refused += 1
            assert "the disk is full" in str(error)
            assert isinstance(store.lookup("scores", key.key), Miss)
        ballast.unlink()
        assert store.verify(full=True) == []
        assert contents(store.fetch(commit(store, key, {"a": NOISE[free : free + 20_000]})))
        store.gc(0, min_age_s=-1)
    assert 3 < refused < 16


@pytest.mark.parametrize("size", [0, 100, 1_000, 2_100])
def test_a_file_size_limit_stops_objects_manifests_and_markers_alike(store: Store, size: int) -> None:
    old = commit(store, parts("old"), {"a": b"old"})
    scratch = store.scratch("adapter", parts().key)
    write(scratch.folder, {"checkpoint-1/state.bin": b"1"})
    with largest_file(size):
        with pytest.raises(StoreError, match="larger than this system allows"):
            commit(store, files={"big": bytes(3_000)})
        if size < 200:
            with pytest.raises(StoreError, match="larger than this system allows"):
                scratch.save("checkpoint-1")
            with pytest.raises(StoreError, match="larger than this system allows"):
                store.write_run("run-1", {"status": "x" * 200})
    assert store.lookup("old", old.key) == old
    assert store.runs() == ()
    assert scratch.items() == () or size >= 200
    assert store.verify(full=True) == []
    assert contents(store.fetch(commit(store, files={"big": bytes(3_000)}))) == {"big": bytes(3_000)}


@pytest.fixture
def read_only(small_disk: Path) -> Store:
    store = Store.open(small_disk / "store")
    ref = commit(store)
    commit(store, parts(damaged=1), {"a": b"right"})
    (store.fetch(store.lookup("scores", parts(damaged=1).key)) / "a").write_bytes(b"wrong")  # type: ignore[arg-type]
    store.write_run("run-1", {"stages": [ref.to_json()]})
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    return Store.open(store.url)


def test_a_read_only_store_can_be_read(read_only: Store) -> None:
    ref = read_only.lookup("scores", parts().key)
    assert not isinstance(ref, Miss)
    assert contents(read_only.fetch(ref)) == FILES
    assert read_only.run("latest")["run"] == "run-1"
    assert len(read_only.verify(full=True)) == 1
    found = read_only.lookup("scores", parts(damaged=1).key)
    assert isinstance(found, Miss)
    assert found.damaged, "damage is a miss even where nothing can be put aside"


def test_writing_to_a_read_only_store_is_refused_in_one_line(read_only: Store) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: commit(read_only, parts(new=1)),
        lambda: read_only.write_run("run-2", {}),
        lambda: read_only.scratch("adapter", parts().key),
        lambda: read_only.lease("scores", parts().key, 60, "me").__enter__(),
        lambda: read_only.gc(0, min_age_s=-1),
    ]
    for attempt in attempts:
        with pytest.raises(
            StoreError, match="read-only — mount it for writing, or choose another store"
        ) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_a_store_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    store = Store.open(tmp_path / "store")
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match="permission denied — allow this user to write there"):
        store.draft("scores", parts().key).__enter__()


class Flaky:
    """Fails the first ``times`` calls of a function with ``number``, then works."""

    def __init__(self, function: Callable[..., object], number: int, times: int) -> None:
        self.function, self.number, self.times, self.calls = function, number, times, 0

    def __get__(self, instance: object, owner: type) -> Callable[..., object]:
        return partial(self, instance)

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        if self.calls <= self.times:
            raise OSError(self.number, os.strerror(self.number))
        return self.function(*args, **kwargs)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY])
def test_a_transient_read_error_is_tried_again_and_is_no_miss(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    ref = commit(store)
    store.backend.pauses_s = (0.0, 0.0)  # type: ignore[attr-defined]
    real = Path.read_bytes
    flaky = Flaky(real, number, times=2)
    monkeypatch.setattr(Path, "read_bytes", flaky)
    assert store.lookup("scores", ref.key) == ref
    flaky.times, flaky.calls = 99, 0
    with pytest.raises(StoreError) as caught:
        store.lookup("scores", ref.key)
    assert flaky.calls == 3, "the first try and two more"
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert store.lookup("scores", ref.key) == ref, "nothing was put aside meanwhile"


def test_a_transient_rename_error_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.backend.pauses_s = (0.0, 0.0)  # type: ignore[attr-defined]
    flaky = Flaky(Path.rename, errno.EBUSY, times=2)
    monkeypatch.setattr(Path, "rename", flaky)
    assert contents(store.fetch(commit(store))) == FILES
    assert flaky.calls > 2


def test_a_failed_fsync_is_believed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second fsync may report success for pages the kernel dropped, so the artifact is computed again."""
    store.backend.pauses_s = (0.0, 0.0)  # type: ignore[attr-defined]
    monkeypatch.setattr(os, "fsync", Flaky(os.fsync, errno.EIO, times=1))
    with pytest.raises(StoreError, match="the device cannot be read or written"):
        commit(store)
    assert store.lookup("scores", parts().key) == Miss("never computed with this key")
    assert contents(store.fetch(commit(store))) == FILES
