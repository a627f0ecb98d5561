from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from counterpoise.alignment.checkpoints import MARKER, newest_checkpoint, write_checkpoint

RUN = "f00d"


def write(folder: Path, step: int, run: str = RUN) -> Path:
    def content(draft: Path) -> None:
        (draft / "weights").write_bytes(b"w" * 100 + bytes([step]))
        (draft / "state.json").write_text(f'{{"step": {step}}}')

    return write_checkpoint(folder, step, run, content)


def flip_byte(folder: Path) -> None:
    data = bytearray((folder / "weights").read_bytes())
    data[50] ^= 1
    (folder / "weights").write_bytes(data)


DAMAGE: list[Callable[[Path], object]] = [
    lambda folder: (folder / MARKER).unlink(),
    lambda folder: (folder / MARKER).write_text(""),
    lambda folder: (folder / MARKER).write_text("[]"),
    lambda folder: (folder / MARKER).write_text('{"run": "f00d", "files": {"../weights": [0, ""]}}'),
    lambda folder: (folder / "weights").unlink(),
    lambda folder: (folder / "weights").write_bytes(b"w" * 50),
    flip_byte,
]
NAMES = [
    "no marker",
    "empty marker",
    "odd marker",
    "foreign files",
    "missing file",
    "truncated",
    "flipped byte",
]


def test_the_newest_is_found_and_two_are_kept(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        write(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000004", "checkpoint-00000006"]
    newest = newest_checkpoint(tmp_path, RUN)
    assert newest is not None
    assert newest.name == "checkpoint-00000006"


@pytest.mark.parametrize("damage", DAMAGE, ids=NAMES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    older, newer = write(tmp_path, 2), write(tmp_path, 4)
    damage(newer)
    assert newest_checkpoint(tmp_path, RUN) == older
    damage(older)
    assert newest_checkpoint(tmp_path, RUN) is None


def test_a_writer_killed_half_way_leaves_nothing_to_resume(tmp_path: Path) -> None:
    first = write(tmp_path, 2)

    def killed(draft: Path) -> None:
        (draft / "weights").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path, 4, RUN, killed)
    assert newest_checkpoint(tmp_path, RUN) == first
    write(tmp_path, 6)
    assert not list(tmp_path.glob(".writing-*"))


def test_another_runs_checkpoints_are_not_resumed_and_make_room(tmp_path: Path) -> None:
    write(tmp_path, 8, run="beef")
    assert newest_checkpoint(tmp_path, RUN) is None
    assert newest_checkpoint(tmp_path, "beef") is not None
    write(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000002"]


def test_a_step_written_twice_is_replaced(tmp_path: Path) -> None:
    folder = write(tmp_path, 2)
    flip_byte(folder)
    write(tmp_path, 2)
    assert newest_checkpoint(tmp_path, RUN) == folder


def test_checkpoints_may_move_to_another_folder(tmp_path: Path) -> None:
    write(tmp_path / "here", 2)
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert newest_checkpoint(tmp_path / "there", RUN) == tmp_path / "there" / "checkpoint-00000002"
