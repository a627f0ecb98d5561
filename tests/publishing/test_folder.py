"""A folder is published whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.cli import main
from counterpoise.publishing.deliver import deliver
from tests.artifacts.test_disk import largest_file

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "sub").mkdir(parents=True)
    (folder / "counterpoise.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(100_000))
    (folder / "sub" / "more.json").write_text("{}", encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_full_disk_leaves_nothing_and_the_same_command_tries_again(made: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with (
        largest_file(50_000),
        pytest.raises(CounterpoiseError, match="could not be published: File too") as error,
    ):
        deliver(made, str(here / "out"))
    assert "it takes 100,004 bytes" in str(error.value)
    assert list(here.iterdir()) == []
    deliver(made, str(here / "out"))
    assert contents(here / "out") == contents(made)
    assert [path.name for path in here.iterdir()] == ["out"]


def test_a_full_disk_leaves_the_earlier_publication(made: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    deliver(made, str(here / "out"))
    before = contents(here / "out")
    (made / "model.safetensors").write_bytes(bytes(200_000))
    with largest_file(150_000), pytest.raises(CounterpoiseError, match="could not be published"):
        deliver(made, str(here / "out"))
    assert contents(here / "out") == before
    assert [path.name for path in here.iterdir()] == ["out"]
    deliver(made, str(here / "out"))
    assert contents(here / "out")["model.safetensors"] == 200_000


def test_a_folder_in_one_that_is_not_there_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the folder (.*/deep) does not exist — mkdir -p \1"):
        deliver(made, str(tmp_path / "deep" / "out"))
    assert not (tmp_path / "deep").exists()


def test_the_command_refuses_a_place_before_it_looks_at_any_run(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["publish", "--to", str(tmp_path / "deep" / "out"), "--dry-run"])
    assert exit_.value.code == 2
    assert "/deep does not exist — mkdir -p " in capsys.readouterr().err
