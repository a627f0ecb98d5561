"""Shards and checkpoints: complete ones come back, torn ones never do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterpoise.artifacts.manifest import sealed
from counterpoise.artifacts.scratch import Scratch
from counterpoise.artifacts.store import Store
from counterpoise.errors import StoreError
from tests.artifacts.making import contents, parts, write

KEY = parts("adapter").key


def open_(store: Store) -> Scratch:
    return store.scratch("adapter", KEY)


def save(scratch: Scratch, name: str, data: bytes = b"weights") -> None:
    write(scratch.folder, {f"{name}/model.bin": data, f"{name}/rng/state": b"r"})
    scratch.save(name)


def test_saved_items_survive_and_unsaved_ones_are_cleared(store: Store) -> None:
    scratch = open_(store)
    save(scratch, "checkpoint-1")
    write(scratch.folder, {"shard-0.parquet": b"shard", "checkpoint-2/model.bin": b"torn", "note.tmp": b"x"})
    scratch.save("shard-0.parquet")
    scratch.close()
    again = open_(store)
    assert again.restore() == ("checkpoint-1", "shard-0.parquet")
    assert contents(again.folder).keys() == {
        "checkpoint-1/model.bin", "checkpoint-1/rng/state", "checkpoint-1.COMPLETE",
        "shard-0.parquet", "shard-0.parquet.COMPLETE",
    }  # fmt: skip


def test_what_this_try_saved_is_not_taken_for_an_earlier_ones(store: Store) -> None:
    first = open_(store)
    save(first, "shard-0")
    assert first.restore() == ("shard-0",)
    assert first.restored == ()
    first.close()
    second = open_(store)
    save(second, "shard-1")
    assert second.restore() == ("shard-0", "shard-1")
    assert second.restored == ("shard-0",)


@pytest.mark.parametrize(
    "tear",
    [
        lambda folder: (folder / "c/model.bin").unlink(),
        lambda folder: (folder / "c/model.bin").write_bytes(b"weightz"),
        lambda folder: (folder / "c/model.bin").write_bytes(b""),
        lambda folder: (folder / "c/rng/state").rename(folder / "c/state"),
        lambda folder: (folder / "c/extra").write_bytes(b"x"),
        lambda folder: (folder / "c.COMPLETE").write_text("{}"),
        lambda folder: (folder / "c.COMPLETE").write_text(""),
        lambda folder: (folder / "c.COMPLETE").unlink(),
        lambda folder: (folder / "c.COMPLETE").rename(folder / "d.COMPLETE"),
    ],
)
def test_a_torn_newest_item_leaves_the_one_before(store: Store, tear) -> None:  # type: ignore[no-untyped-def]
    scratch = open_(store)
    save(scratch, "b", b"older")
    save(scratch, "c")
    tear(scratch.folder)
    assert scratch.items() == ("b",)
    assert scratch.restore() == ("b",)
    assert sorted(path.name for path in scratch.folder.iterdir()) == ["b", "b.COMPLETE"]


def test_a_marker_cannot_point_outside_its_item(store: Store) -> None:
    scratch = open_(store)
    (scratch.folder / "c").mkdir()
    outside = {"name": "../../../../../etc/hostname", "size": 1, "sha256": "a" * 64}
    (scratch.folder / "c.COMPLETE").write_bytes(sealed({"item": "c", "files": [outside]}))
    assert scratch.restore() == ()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
def test_items_are_plain_names(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="not a plain name"):
        open_(store).save(name)


def test_saving_what_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="write it there before saving it"):
        open_(store).save("checkpoint-9")


def test_removed_items_stay_removed(store: Store) -> None:
    scratch = open_(store)
    save(scratch, "checkpoint-1")
    save(scratch, "checkpoint-2")
    scratch.remove("checkpoint-1")
    scratch.remove("checkpoint-1")
    assert scratch.items() == ("checkpoint-2",)


def test_pruning_forgets_what_its_writer_deleted(store: Store) -> None:
    scratch = open_(store)
    for name in ("checkpoint-1", "checkpoint-2"):
        save(scratch, name)
    shutil.rmtree(scratch.folder / "checkpoint-1")
    scratch.prune()
    assert sorted(path.name for path in scratch.folder.iterdir()) == ["checkpoint-2", "checkpoint-2.COMPLETE"]


def test_clearing_leaves_nothing(store: Store) -> None:
    scratch = open_(store)
    save(scratch, "checkpoint-1")
    scratch.clear()
    assert list((Path(store.url) / "scratch" / "adapter").iterdir()) == []
    assert open_(store).restore() == ()


def test_a_second_process_works_in_a_folder_of_its_own_and_disturbs_nothing(store: Store) -> None:
    first = open_(store)
    save(first, "checkpoint-1")
    second = open_(store)
    assert second.folder != first.folder
    assert second.restore() == ("checkpoint-1",), "it starts from what the first has finished"
    save(second, "checkpoint-2")
    second.remove("checkpoint-1")
    second.clear()
    assert first.items() == ("checkpoint-1",)
    assert not second.folder.exists()
    save(first, "checkpoint-2")
    first.close()
    assert open_(store).folder == first.folder


def test_different_keys_have_different_folders(store: Store) -> None:
    one, two = store.scratch("adapter", parts(a=1).key), store.scratch("adapter", parts(a=2).key)
    assert one.folder != two.folder


def test_an_item_may_be_a_folder_where_a_file_was(store: Store) -> None:
    scratch = open_(store)
    write(scratch.folder, {"state": b"file"})
    scratch.save("state")
    (scratch.folder / "state").unlink()
    write(scratch.folder, {"state/inner": b"file"})
    assert scratch.items() == ()
    scratch.save("state")
    assert scratch.items() == ("state",)
