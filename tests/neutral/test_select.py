from __future__ import annotations

import json

import pytest

from counterpoise.errors import DataError
from counterpoise.neutral.select import parse_neutral, select_neutral

SENTENCES = [f"Sentence number {n} tells of rivers and of hills." for n in range(30)]


def test_json_and_lines_give_the_same_sentences() -> None:
    nested = json.dumps({"rivers": {"a": SENTENCES[:10], "b": SENTENCES[10:]}, "none": []})
    lines = "\n".join(SENTENCES) + "\n\n"
    assert parse_neutral(nested.encode(), "x.json") == SENTENCES == parse_neutral(lines.encode(), "x.txt")


def test_parts_are_disjoint_and_do_not_depend_on_order() -> None:
    rows = select_neutral(SENTENCES, 5, 20, "x")
    assert [row.part for row in rows] == ["probe"] * 5 + ["evaluation"] * 20
    assert len({row.text for row in rows}) == 25
    assert select_neutral([*reversed(SENTENCES), *SENTENCES], 5, 20, "x") == rows


def test_more_evaluation_texts_do_not_move_the_probes() -> None:
    assert select_neutral(SENTENCES, 5, 10, "x")[:15] == select_neutral(SENTENCES, 5, 10, "x")
    assert [r.text for r in select_neutral(SENTENCES, 5, 20, "x")[:5]] == [
        r.text for r in select_neutral(SENTENCES, 5, 10, "x")[:5]
    ]


def test_too_short_and_too_long_are_left_out() -> None:
    with pytest.raises(DataError, match="1 usable sentences, 1 \\+ 1 \\+ 0 asked for"):
        select_neutral(["Too short.", "word " * 61, SENTENCES[0]], 1, 1, "x")


@pytest.mark.parametrize(("data", "name"), [(b"\xff", "x.txt"), (b"{", "x.json"), (b"\n \n", "x.txt")])
def test_bad_file_is_one_line(data: bytes, name: str) -> None:
    with pytest.raises(DataError, match=name):
        parse_neutral(data, name)
