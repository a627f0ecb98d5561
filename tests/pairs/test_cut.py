"""Pairs that no model can tell apart are written down, and only where there are some."""

from __future__ import annotations

from pathlib import Path

from counterpoise.pairs.cut import CutPairs, read_cut


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for number, cut in enumerate((CutPairs(12, equal=(3, 8), same=(5,)), CutPairs(12, equal=(3,)))):
        folder = tmp_path / str(number)
        folder.mkdir()
        cut.write(folder)
        assert read_cut(folder) == cut


def test_a_run_without_such_a_pair_has_no_file_of_them(tmp_path: Path) -> None:
    CutPairs(256).write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert read_cut(tmp_path) is None
