"""Every kind of file in a store, damaged in every way: never a wrong result, and the next run heals it."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterpoise.artifacts import hashing
from counterpoise.artifacts.hashing import MEMO_FLOOR, HashMemo
from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from tests.artifacts.making import FILES, commit, contents, parts, write

BIG = {"model.safetensors": random.Random(0).randbytes(MEMO_FLOOR + 1000), "config.json": b"{}"}


@dataclass(frozen=True)
class Site:
    """A store with two artifacts, one made from the other, a run, a checkpoint and a lease."""

    store: Store
    first: Ref
    second: Ref

    @property
    def root(self) -> Path:
        return Path(self.store.url)

    def files(self, kind: str) -> list[Path]:
        return {
            "object": sorted((self.root / "objects").rglob("*.*")),
            "manifest": sorted((self.root / "manifests").rglob("*.json")),
            "run": sorted((self.root / "runs").iterdir()),
            "format": [self.root / "format.json"],
            "lease": [self.root / "leases" / "pairs" / f"{'0' * 64}.json"],
            "marker": sorted((self.root / "scratch").rglob("*.COMPLETE")),
            "checkpoint": sorted((self.root / "scratch").rglob("state.bin")),
        }[kind]


KINDS = ("object", "manifest", "run", "format", "lease", "marker", "checkpoint")


@pytest.fixture
def site(store: Store) -> Site:
    first = commit(store, parts("pairs"), {"pairs.parquet": b"PAR1" + bytes(60) + b"PAR1"})
    second = commit(store, parts("scores"), FILES, [first])
    store.write_run("run-1", {"status": "completed", "stages": [first.to_json(), second.to_json()]})
    scratch = store.scratch("adapter", parts("adapter").key)
    write(scratch.folder, {"checkpoint-2/state.bin": bytes(50)})
    scratch.save("checkpoint-2")
    scratch.close()
    (Path(store.url) / "leases" / "pairs").mkdir(parents=True)
    (Path(store.url) / "leases" / "pairs" / f"{'0' * 64}.json").write_text('{"expires_at": 0, "process": {}}')
    return Site(store, first, second)


def heal(site: Site) -> None:
    """What a run does: look up in order, recompute what is missing, record the run."""
    store = Store.open(site.root)
    for ref, files, parents in (
        (site.first, {"pairs.parquet": b"PAR1" + bytes(60) + b"PAR1"}, []),
        (site.second, FILES, [site.first]),
    ):
        key = parts(ref.stage)
        with store.lease(ref.stage, key.key, 60, "test"):
            found = store.lookup(ref.stage, key.key)
            if isinstance(found, Miss):
                found = commit(store, key, files, parents)
        assert found.sha256 == ref.sha256
        assert contents(store.fetch(found)) == files
    scratch = store.scratch("adapter", parts("adapter").key)
    assert scratch.restore() in {(), ("checkpoint-2",)}
    for item in scratch.items():
        assert contents(scratch.folder / item) == {"state.bin": bytes(50)}
    scratch.clear()
    store.write_run("run-1", {"status": "completed", "stages": []})
    assert store.verify(full=True) == []


def flip(path: Path, position: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_flipped_all_over_every_kind_of_file(site: Site, kind: str) -> None:
    """Up to 300 evenly spread bytes, another bit each time; each flip is undone once it did no harm."""
    path = min(site.files(kind), key=lambda path: path.stat().st_size)
    original = path.read_bytes()
    positions = range(0, len(original), -(-len(original) // 300))
    for position in positions:
        flip(path, position, position % 8)
        _no_wrong_answer(site)
        path.write_bytes(original)
    print(f"{len(positions)} single-bit flips in a {kind} of {len(original)} bytes")
    flip(path, len(original) // 2, 3)
    heal(site)


def _no_wrong_answer(site: Site) -> None:
    try:
        store = Store.open(site.root)
        for ref, files in ((site.first, None), (site.second, FILES)):
            found = store.lookup(ref.stage, ref.key, peek=True)
            assert isinstance(found, Miss) or found == ref
            if found == ref and files is not None:
                assert contents(store.fetch(ref)) == files
        assert len(store.runs()) <= 1
        for run in store.runs():
            assert run["stages"][0]["key"] == site.first.key
        scratch = store.scratch("adapter", parts("adapter").key)
        for item in scratch.items():
            assert contents(scratch.folder / item) == {"state.bin": bytes(50)}
        scratch.close()
    except StoreError as error:
        # A flip can make the format marker another version's: refused in one line, nothing touched.
        assert "\n" not in str(error)
        assert "version" in str(error)


WAYS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "halved": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "extended": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(64)),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "a JSON list": lambda path: path.write_text("[]"),
    "an empty object": lambda path: path.write_text("{}"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_files_of_every_kind_damaged_in_every_way_heal(site: Site, kind: str, way: str) -> None:
    for path in site.files(kind):
        WAYS[way](path)
    heal(site)


@pytest.mark.parametrize("kind", ["object", "manifest", "run"])
def test_damage_is_named_by_verify_and_put_aside_with_its_reason(site: Site, kind: str) -> None:
    path = site.files(kind)[0]
    flip(path, path.stat().st_size // 2, 0)
    (damage,) = site.store.verify(full=True)[:1]
    assert path.name.split(".")[0][:12] in f"{damage.where} {damage.what}"
    heal(site)
    if kind != "run":
        reasons = [p.read_text() for p in (site.root / "quarantine").glob("*.reason.txt")]
        assert any("sha256" in reason or "seal" in reason for reason in reasons)


def test_a_missing_folder_is_a_miss_and_heals(site: Site) -> None:
    for name in ("objects", "manifests", "leases", "scratch", "tmp", "runs"):
        shutil.rmtree(site.root / name, ignore_errors=True)
        heal(site)


def test_swapped_objects_are_seen(site: Site) -> None:
    one, two = (site.store.fetch(ref) for ref in (site.first, site.second))
    spare = site.root / "spare"
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    for ref in (site.first, site.second):
        found = site.store.lookup(ref.stage, ref.key)
        assert isinstance(found, Miss)
        assert "is missing" in found.reason
    heal(site)


def test_swapped_manifests_are_seen(site: Site) -> None:
    other = commit(site.store, parts("scores", beta=2), {"table.parquet": b"other"})
    folder = site.root / "manifests" / "scores"
    one, two = folder / f"{site.second.key}.json", folder / f"{other.key}.json"
    text = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(text)
    found = site.store.lookup("scores", site.second.key)
    assert isinstance(found, Miss)
    assert f"belongs to scores {other.key[:12]}" in found.reason
    assert commit(site.store, parts("scores", beta=2), {"table.parquet": b"other"}) == other
    heal(site)


def test_swapped_files_of_equal_size_are_seen(store: Store) -> None:
    files = {"a.bin": b"aaaa", "b.bin": b"bbbb"}
    ref = commit(store, files=files)
    folder = store.fetch(ref)
    write(folder, {"a.bin": b"bbbb", "b.bin": b"aaaa"})
    assert isinstance(store.lookup("scores", ref.key), Miss)
    assert contents(store.fetch(commit(store, files=files))) == files


def test_a_damaged_object_shared_by_two_keys_heals_for_both(store: Store) -> None:
    one, two = commit(store, parts(a=1)), commit(store, parts(a=2))
    (store.fetch(one) / "table.parquet").write_bytes(b"x" * 20)
    assert isinstance(store.lookup("scores", one.key), Miss)
    assert commit(store, parts(a=1)) == one
    assert store.lookup("scores", two.key) == two, "the second needs no recomputation"


def test_a_stray_file_is_put_aside_without_recomputing(store: Store) -> None:
    ref = commit(store)
    (store.fetch(ref) / "generation_config.json").write_text('{"temperature": 2}')
    assert "generation_config.json does not belong there" in store.verify()[0].what
    assert contents(store.fetch(ref)) == FILES
    (store.fetch(ref) / "model" / ".DS_Store").write_bytes(b"x")
    assert store.lookup("scores", ref.key) == ref
    assert contents(store.fetch(ref)) == FILES
    assert len(list((Path(store.url) / "quarantine").glob("*.reason.txt"))) == 2


@pytest.mark.parametrize("what", ["link to the same bytes", "folder", "pipe"])
def test_a_file_that_became_something_else_is_damage(store: Store, tmp_path: Path, what: str) -> None:
    ref = commit(store)
    path = store.fetch(ref) / "table.parquet"
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "same").write_bytes(FILES["table.parquet"])
        path.symlink_to(tmp_path / "same")
    found = store.lookup("scores", ref.key)
    assert isinstance(found, Miss)
    assert "not a plain file" in found.reason
    assert contents(store.fetch(commit(store))) == FILES


def test_fetching_a_damaged_artifact_says_so_and_the_next_lookup_recomputes(store: Store) -> None:
    ref = commit(store)
    (store.fetch(ref) / "table.parquet").write_bytes(b"x" * 20)
    with pytest.raises(StoreError, match=r"is damaged: .* — run again: it is computed anew"):
        store.fetch(ref)
    assert isinstance(store.lookup("scores", ref.key), Miss)


class TestMemo:
    """Large files are read once; nothing that changes them goes unseen."""

    def test_a_second_check_reads_nothing(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        ref = commit(store, files=BIG)
        _age(store.fetch(ref))
        assert store.lookup("scores", ref.key) == ref
        folder, read = store.fetch(ref), []
        monkeypatch.setattr(
            "counterpoise.artifacts.hashing.sha256_file", lambda path: read.append(path.name) or ""
        )
        digests = [HashMemo(_memo_folder()).sha256(folder / name) for name in sorted(BIG)]
        assert read == ["config.json"], "small files are read every time"
        assert digests[1] == hashlib.sha256(BIG["model.safetensors"]).hexdigest()

    def test_a_change_that_keeps_size_and_mtime_is_seen(self, store: Store) -> None:
        ref = commit(store, files=BIG)
        path = store.fetch(ref) / "model.safetensors"
        _age(path.parent)
        assert store.lookup("scores", ref.key) == ref
        times = path.stat()
        flip(path, 500_000, 5)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert isinstance(store.lookup("scores", ref.key), Miss)

    def test_a_replaced_file_of_equal_size_and_mtime_is_seen(self, store: Store, tmp_path: Path) -> None:
        ref = commit(store, files=BIG)
        path = store.fetch(ref) / "model.safetensors"
        _age(path.parent)
        assert store.lookup("scores", ref.key) == ref
        times = path.stat()
        other = tmp_path / "other"
        other.write_bytes(bytes(times.st_size))
        other.replace(path)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert isinstance(store.lookup("scores", ref.key), Miss)

    def test_full_verification_believes_no_memo(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bit rot below the file system changes no timestamp: here every file seems unchanged."""
        ref = commit(store, files=BIG)
        path = store.fetch(ref) / "model.safetensors"
        _age(path.parent)
        assert store.verify() == []
        unchanged = hashing._identity(path)
        monkeypatch.setattr("counterpoise.artifacts.hashing._identity", lambda path: unchanged)
        flip(path, 700_000, 1)
        assert store.verify(full=False) == []
        assert "does not have its sha256" in store.verify(full=True)[0].what

    @pytest.mark.parametrize("text", ["", "{", "[1, 2]\n", "\x00\xff", '["/x", [1], "ab"]\n[}\n'])
    def test_a_damaged_memo_costs_only_time(self, store: Store, text: str) -> None:
        ref = commit(store, files=BIG)
        _age(store.fetch(ref))
        assert store.lookup("scores", ref.key) == ref
        for path in _memo_folder().iterdir():
            path.write_text(text, errors="replace")
        assert Store.open(store.url).lookup("scores", ref.key) == ref

    def test_a_lying_memo_condemns_nothing(self, store: Store) -> None:
        ref = commit(store, files=BIG)
        _age(store.fetch(ref))
        assert store.lookup("scores", ref.key) == ref
        for path in _memo_folder().iterdir():
            path.write_text(path.read_text().replace('", [', '", [', 1)[:-68] + f'"{"0" * 64}"]\n')
        again = Store.open(store.url)
        assert again.lookup("scores", ref.key) == ref
        assert contents(again.fetch(ref)) == BIG

    def test_an_unwritable_cache_costs_only_time(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        store = Store.open(tmp_path / "store", cache=tmp_path / "file")
        ref = commit(store, files=BIG)
        _age(store.fetch(ref))
        assert store.lookup("scores", ref.key) == ref


def _age(folder: Path) -> None:
    """Waits until the files count as settled; a change within the same clock tick must not be memoised."""
    newest = max(path.stat().st_ctime for path in folder.rglob("*"))
    while time.time() - newest < 0.11:
        time.sleep(0.01)


def _memo_folder() -> Path:
    (folder,) = (Path(os.environ["COUNTERPOISE_CACHE"]) / "store" / "verified").iterdir()
    return folder
