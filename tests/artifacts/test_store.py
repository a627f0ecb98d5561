"""What the store promises when nothing goes wrong."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from counterpoise.artifacts.layout import STORE_VERSION
from counterpoise.artifacts.manifest import sealed, unsealed
from counterpoise.artifacts.store import Miss, Ref, Store
from counterpoise.errors import StoreError
from tests.artifacts.making import FILES, Clock, commit, contents, parts


def test_what_is_committed_is_found_again_by_another_process_view(store: Store) -> None:
    assert store.lookup("scores", parts().key) == Miss("never computed with this key")
    ref = commit(store)
    again = Store.open(store.url, create=False)
    assert again.lookup("scores", parts().key) == ref
    assert contents(again.fetch(ref)) == FILES
    assert ref.files == tuple(sorted(FILES))
    assert Ref.from_json(json.loads(json.dumps(ref.to_json()))) == ref


def test_content_hash_is_that_of_sha256sum_lines(store: Store) -> None:
    # printf 'ba78…15ad  a.txt\n' | sha256sum, with sha256("abc") from FIPS 180-2, appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    ref = commit(store, files={"a.txt": b"abc"})
    assert ref.sha256 == hashlib.sha256(f"{abc}  a.txt\n".encode()).hexdigest()


def test_manifest_keeps_every_key_part_parents_and_facts_in_clear(store: Store) -> None:
    upstream = commit(store, parts("pairs"))
    ref = commit(store, parts("scores", beta=0.1), parents=[upstream])
    manifest = store.manifest("scores", ref.key)
    assert manifest.parts == parts("scores", beta=0.1)
    assert manifest.parents == (upstream,)
    assert manifest.facts == {"seconds": 1.5}
    assert [(o.name, o.size) for o in manifest.outputs] == [
        ("model/weights.bin", 2048),
        ("table.parquet", 20),
    ]
    text = json.loads((Path(store.url) / "manifests" / "scores" / f"{ref.key}.json").read_text())
    assert text["parts"]["config"] == {"beta": 0.1}


def test_facts_do_not_change_the_content(store: Store) -> None:
    one, two = commit(store, parts(a=1)), commit(store, parts(a=2))
    assert one.sha256 == two.sha256
    assert one.key != two.key
    assert len(list((Path(store.url) / "objects").glob("*/*"))) == 1


def test_no_absolute_address_stands_in_any_file_and_a_moved_store_still_hits(
    store: Store, tmp_path: Path
) -> None:
    ref = commit(store)
    store.write_run("run-1", {"stages": [ref.to_json()]})
    for path in Path(store.url).rglob("*.json"):
        assert str(tmp_path) not in path.read_text()
    moved = tmp_path / "elsewhere"
    Path(store.url).rename(moved)
    assert Store.open(moved).lookup("scores", ref.key) == ref
    assert Store.open(moved).run("latest")["run"] == "run-1"
    assert Store.open(moved).verify(full=True) == []


def test_the_first_of_two_different_results_stays(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    first = commit(store, files={"a": b"1"})
    with caplog.at_level(logging.WARNING):
        second = commit(store, files={"a": b"2"})
    assert second == first
    assert "computed twice with different bytes" in caplog.text
    assert contents(store.fetch(second)) == {"a": b"1"}


def test_a_draft_is_gone_after_the_block_whatever_happens(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.draft("scores", parts().key) as draft:
        (draft.folder / "half").write_bytes(b"x" * 1000)
        raise ZeroDivisionError
    commit(store)
    assert list((Path(store.url) / "tmp").iterdir()) == []
    assert store.lookup("scores", parts(other=1).key) == Miss("never computed with this key")


def test_an_uncommitted_draft_is_no_artifact(store: Store) -> None:
    with store.draft("scores", parts().key) as draft:
        (draft.folder / "a").write_bytes(b"1")
    assert isinstance(store.lookup("scores", parts().key), Miss)


def test_only_plain_files_are_committed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with store.draft("scores", parts().key) as draft:
        (draft.folder / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(StoreError, match="'link' in an artifact's folder is not a plain file"):
            store.commit(draft, parts(), label="x", rows=None, parents=[], facts={})
    with store.draft("scores", parts().key) as draft, pytest.raises(StoreError, match="no files"):
        store.commit(draft, parts(), label="x", rows=None, parents=[], facts={})


def test_a_draft_cannot_be_committed_under_another_key(store: Store) -> None:
    with store.draft("scores", parts().key) as draft:
        (draft.folder / "a").write_bytes(b"1")
        with pytest.raises(StoreError, match="was committed as scores"):
            store.commit(draft, parts(beta=1), label="x", rows=None, parents=[], facts={})


@pytest.mark.parametrize("facts", [{"t": float("nan")}, {"p": Path("x")}])
def test_facts_that_json_cannot_hold_are_refused_before_anything_is_visible(
    store: Store, facts: dict
) -> None:  # type: ignore[type-arg]
    with store.draft("scores", parts().key) as draft:
        (draft.folder / "a").write_bytes(b"1")
        with pytest.raises(StoreError, match="a value that JSON cannot"):
            store.commit(draft, parts(), label="x", rows=None, parents=[], facts=facts)
    assert isinstance(store.lookup("scores", parts().key), Miss)


@pytest.mark.parametrize("stage", ["", "../x", "a/b", ".hidden", "a\n", "x" * 200])
def test_names_that_could_leave_the_store_are_refused(store: Store, stage: str) -> None:
    with pytest.raises(StoreError, match="cannot be a folder name"):
        store.lookup(stage, parts().key)
    with pytest.raises(StoreError, match="cannot be a folder name"):
        store.write_run(stage, {})


@pytest.mark.parametrize("key", ["", "abc", "../" + "a" * 61, "A" * 64])
def test_keys_are_64_hex_digits(store: Store, key: str) -> None:
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        store.lookup("scores", key)


def test_manifests_come_newest_first(tmp_path: Path) -> None:
    clock = Clock()
    store = Store.open(tmp_path / "store", clock=clock)
    for beta in (1, 2, 3):
        commit(store, parts(beta=beta))
        clock.now += 60
    assert [m.parts.config["beta"] for m in store.manifests("scores")] == [3, 2, 1]
    assert store.manifests("pairs") == ()


def test_nearest_has_the_fewest_changes_then_is_the_newest(tmp_path: Path) -> None:
    clock = Clock()
    store = Store.open(tmp_path / "store", clock=clock)
    assert store.nearest(parts(beta=9)) is None
    for config in ({"beta": 1, "rank": 1}, {"beta": 2, "rank": 1}, {"beta": 2, "rank": 2}):
        commit(store, parts(**config))
        clock.now += 60
    nearest = store.nearest(parts(beta=9, rank=1))
    assert nearest is not None
    assert nearest.parts.config == {"beta": 2, "rank": 1}, "one change, and newer than the other with one"


def test_runs_are_newest_first_found_by_prefix_and_keep_their_first_date(tmp_path: Path) -> None:
    clock = Clock()
    store = Store.open(tmp_path / "store", clock=clock)
    with pytest.raises(StoreError, match="has no runs"):
        store.run("latest")
    store.write_run("bold-fox", {"status": "running"})
    clock.now += 60
    store.write_run("bold-ant", {"status": "completed"})
    clock.now += 60
    store.write_run("bold-fox", {"status": "completed"})
    assert [run["run"] for run in store.runs()] == ["bold-ant", "bold-fox"], "order of the first record"
    assert store.run("bold-f")["status"] == "completed"
    assert store.run("latest")["run"] == "bold-ant"
    with pytest.raises(StoreError, match=r"matches 2 runs \(bold-ant, bold-fox\)"):
        store.run("bold")
    with pytest.raises(StoreError, match="matches no run"):
        store.run("shy")


def test_an_exact_run_id_wins_over_longer_ones(store: Store) -> None:
    store.write_run("a", {})
    store.write_run("ab", {})
    assert store.run("a")["run"] == "a"


def test_peeking_changes_nothing(store: Store) -> None:
    ref = commit(store)
    (store.fetch(ref) / "table.parquet").write_bytes(b"PAR1 not really PAR2")
    for _ in range(2):
        found = store.lookup("scores", ref.key, peek=True)
        assert isinstance(found, Miss)
        assert found.damaged
    assert not (Path(store.url) / "quarantine").exists()


class TestOpening:
    def test_a_missing_store_is_made_only_when_asked(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="does not exist"):
            Store.open(tmp_path / "new", create=False)
        assert not (tmp_path / "new").exists()
        Store.open(tmp_path / "new" / "deep")
        assert json.loads((tmp_path / "new" / "deep" / "format.json").read_text())["version"] == STORE_VERSION

    def test_file_urls_and_home_are_understood(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Store.open(f"file://{tmp_path}/a%20b").url == f"{tmp_path}/a b"
        assert Store.open("~/c").url == f"{tmp_path}/c"

    def test_a_folder_with_other_things_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("x")
        with pytest.raises(StoreError, match="holds other files and is not a store"):
            Store.open(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_file_is_no_store(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(StoreError, match="is not a folder"):
            Store.open(tmp_path / "file")

    @pytest.mark.parametrize(("version", "age"), [(STORE_VERSION + 1, "newer"), (STORE_VERSION - 1, "older")])
    def test_another_version_is_refused_in_one_line(self, store: Store, version: int, age: str) -> None:
        ref = commit(store)
        path = Path(store.url) / "format.json"
        path.write_text(json.dumps({"format": "counterpoise-store", "version": version}))
        with pytest.raises(StoreError, match=f"written by a {age} version") as caught:
            Store.open(store.url)
        assert "\n" not in str(caught.value)
        path.unlink()
        assert Store.open(store.url).lookup("scores", ref.key) == ref

    @pytest.mark.parametrize(
        "text", ["", "{", "[" * 5000, '{"format": "other", "version": 1}', '{"version": 1}']
    )
    def test_a_damaged_marker_is_told_kept_and_written_anew(
        self, store: Store, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        ref, path = commit(store), Path(store.url) / "format.json"
        path.write_text(text)
        (damage,) = store.verify()
        assert damage.where == "format.json"
        assert Store.open(store.url, create=False).lookup("scores", ref.key) == ref
        assert (path.read_text(), "the next run writes it anew" in caplog.text) == (text, True)
        assert Store.open(store.url).verify() == []
        assert "it is in quarantine/ and was written anew" in caplog.text
        (kept,) = (Path(store.url) / "quarantine").glob("format.json~????????")
        assert kept.read_text() == text

    def test_behind_a_damaged_marker_the_manifests_say_the_version(self, store: Store) -> None:
        ref, marker = commit(store), Path(store.url) / "format.json"
        path = Path(store.url) / "manifests" / "scores" / f"{ref.key}.json"
        path.write_bytes(sealed({**unsealed(path.read_bytes()), "store_version": STORE_VERSION + 1}))
        marker.write_text("{")
        for create in (True, False):
            with pytest.raises(StoreError, match="use a newer version"):
                Store.open(store.url, create=create)
        assert marker.read_text() == "{"

    @pytest.mark.parametrize("beside", ["HEAD", "train.py"])
    def test_what_others_call_objects_runs_or_format_json_makes_no_store(
        self, tmp_path: Path, beside: str
    ) -> None:
        (tmp_path / beside).write_text("x")
        (tmp_path / "objects").mkdir()
        (tmp_path / "format.json").write_text('{"indent": 2}')
        with pytest.raises(StoreError, match="holds other files and is not a store"):
            Store.open(tmp_path)
        assert (tmp_path / "format.json").read_text() == '{"indent": 2}'
        assert not (tmp_path / "quarantine").exists()

    def test_a_manifest_of_a_newer_version_is_refused_not_recomputed(self, store: Store) -> None:
        ref = commit(store)
        path = Path(store.url) / "manifests" / "scores" / f"{ref.key}.json"
        path.write_bytes(sealed({**unsealed(path.read_bytes()), "store_version": STORE_VERSION + 1}))
        with pytest.raises(StoreError, match="use a newer version"):
            store.lookup("scores", ref.key)
        assert path.exists()

    def test_credentials_in_the_address_are_refused_and_not_repeated(self) -> None:
        with pytest.raises(StoreError, match="holds credentials") as caught:
            Store.open("s3://key:hunter2@bucket/store")
        assert "hunter2" not in str(caught.value)

    def test_an_unknown_protocol_is_named(self) -> None:
        with pytest.raises(StoreError, match="nonsense"):
            Store.open("nonsense://x")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../b", "a\\b", ""])
def test_a_forged_reference_cannot_name_files_outside(store: Store, name: str) -> None:
    ref = commit(store)
    with pytest.raises(StoreError, match="names a file outside its folder"):
        store.fetch(replace(ref, files=(name,)))
    assert store.lookup("scores", ref.key) == ref


def test_a_reference_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match="not an artifact reference"):
        Ref.from_json({"stage": "x"})


def test_any_fsspec_file_system_will_do(tmp_path: Path) -> None:
    """Without conditional writes, as most have none."""
    store = Store.open("memory://team/store", cache=tmp_path / "here")
    ref = commit(store)
    again = Store.open("memory://team/store", cache=tmp_path / "elsewhere", create=False)
    assert again.lookup("scores", ref.key) == ref
    assert contents(again.fetch(ref)) == FILES
    with again.lease("scores", ref.key, 60, "me") as lease:
        assert lease.renew()
    scratch = store.scratch("adapter", ref.key)
    (scratch.folder / "shard-0").write_bytes(b"x")
    scratch.save("shard-0")
    assert again.scratch("adapter", ref.key).restore() == ("shard-0",)
    assert again.verify(full=True) == []
    assert len(again.gc(0, min_age_s=-1).removed) > 0
