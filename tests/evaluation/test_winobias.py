from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.winobias import SPLITS, TYPES, differ_in_pronouns_alone, load_winobias

PRO = "1 [The janitor] cleaned the librarian 's room and [he] rested .\n2 The mover sat.\n"
ANTI = "1 [The janitor] cleaned the librarian 's room and [she] rested .\n2 The movers sat.\n"


def write(folder: Path, pro: str = PRO, anti: str = ANTI) -> None:
    for kind in TYPES:
        for split in SPLITS:
            (folder / f"pro_stereotyped_{kind}.txt.{split}").write_text(pro, "utf-8")
            (folder / f"anti_stereotyped_{kind}.txt.{split}").write_text(anti, "utf-8")


def test_lines_become_plain_sentences_and_slips_are_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    pairs = load_winobias(tmp_path)
    assert pairs[0].more == "The janitor cleaned the librarian's room and he rested."
    assert pairs[0].less == "The janitor cleaned the librarian's room and she rested."
    assert [(pair.pair_id, pair.category) for pair in pairs] == [
        (0, "type1"),
        (2, "type1"),
        (4, "type2"),
        (6, "type2"),
    ]


def test_pronouns_alone() -> None:
    assert differ_in_pronouns_alone("He lost his key.", "She lost her key.")
    assert not differ_in_pronouns_alone("He lost his key.", "He lost his key.")
    assert not differ_in_pronouns_alone("He lost a key.", "She lost keys.")
    assert not differ_in_pronouns_alone("He needed it.", "She needed that.")


def test_missing_empty_and_misaligned_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pro_stereotyped_type1\.txt\.dev: no such file"):
        load_winobias(tmp_path)
    write(tmp_path, anti="\n")
    with pytest.raises(DataError, match="empty"):
        load_winobias(tmp_path)
    write(tmp_path, anti=ANTI.splitlines()[0])
    with pytest.raises(DataError, match="type1 dev files have 2 and 1 lines"):
        load_winobias(tmp_path)
