from __future__ import annotations

import json

import pytest

from counterpoise.errors import DataError
from counterpoise.neutral.select import Sentence, parse_neutral, select_neutral

TEXTS = [f"Sentence number {n} tells of rivers and of hills." for n in range(30)]
SENTENCES = [Sentence(text, text) for text in TEXTS]


def test_json_and_lines_give_the_same_sentences() -> None:
    nested = json.dumps({"rivers": {"a": TEXTS[:10], "b": TEXTS[10:]}, "none": []})
    lines = "\n".join(TEXTS) + "\n\n"
    assert parse_neutral(lines.encode(), "x.txt") == SENTENCES
    found = parse_neutral(nested.encode(), "x.json")
    assert [one.text for one in found] == TEXTS
    assert [one.article for one in found] == ["/rivers/a"] * 10 + ["/rivers/b"] * 20


def test_no_article_serves_two_parts() -> None:
    articles = [
        Sentence(text, f"article {n // 3}") for n, text in enumerate(TEXTS)
    ]  # ten of three sentences each
    rows = select_neutral(articles, 2, 6, "x", beginnings=2)
    of = {one.text: one.article for one in articles}
    taken = [
        {of[row.text] for row in rows if row.part == part} for part in ("guard", "evaluation", "beginning")
    ]
    assert [len(names) > 0 for names in taken] == [True] * 3
    assert not taken[0] & taken[1] and not taken[0] & taken[2] and not taken[1] & taken[2]
    # one article has all: whoever comes first leaves nothing to the next
    with pytest.raises(
        DataError, match=r"30 usable sentences, 1 \+ 1 \+ 0 asked for, .* too few for evaluation"
    ):
        select_neutral([Sentence(text, "one") for text in TEXTS], 1, 1, "x")


def test_parts_are_disjoint_and_do_not_depend_on_order() -> None:
    rows = select_neutral(SENTENCES, 5, 20, "x")
    assert [row.part for row in rows] == ["guard"] * 5 + ["evaluation"] * 20
    assert len({row.text for row in rows}) == 25
    assert select_neutral([*reversed(SENTENCES), *SENTENCES], 5, 20, "x") == rows


def test_more_evaluation_texts_do_not_move_the_probes() -> None:
    assert select_neutral(SENTENCES, 5, 10, "x")[:15] == select_neutral(SENTENCES, 5, 10, "x")
    assert [r.text for r in select_neutral(SENTENCES, 5, 20, "x")[:5]] == [
        r.text for r in select_neutral(SENTENCES, 5, 10, "x")[:5]
    ]


def test_too_short_and_too_long_are_left_out() -> None:
    with pytest.raises(DataError, match="1 usable sentences, 1 \\+ 1 \\+ 0 asked for"):
        select_neutral(
            [*(Sentence(text, text) for text in ("Too short.", "word " * 61)), SENTENCES[0]], 1, 1, "x"
        )


@pytest.mark.parametrize(("data", "name"), [(b"\xff", "x.txt"), (b"{", "x.json"), (b"\n \n", "x.txt")])
def test_bad_file_is_one_line(data: bytes, name: str) -> None:
    with pytest.raises(DataError, match=name):
        parse_neutral(data, name)


def test_only_a_newline_ends_a_sentence() -> None:
    text = "One\u2028and the same,\x0cstill\x85the same.\r\nAnother.\n"
    found = [one.text for one in parse_neutral(text.encode(), "own.txt")]
    assert found == ["One\u2028and the same,\x0cstill\x85the same.", "Another."]
