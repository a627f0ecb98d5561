from __future__ import annotations

import pytest

from counterpoise.errors import DataError
from counterpoise.pairs.parse import parse_pairs

HEADER = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations\n"
ROW = "0,\"Women can't drive, they say.\",Men can't drive they say.,stereo,gender,[]\n"


def parse(text: str) -> object:
    return parse_pairs(text.encode(), "pairs.csv")


def test_row_becomes_pair_and_the_label_does_not_swap_the_sides() -> None:
    pairs = parse_pairs((HEADER + ROW + "1,A b.,A c.,antistereo,age,[]\n").encode(), "pairs.csv")
    assert [(p.pair_id, p.category, p.direction) for p in pairs] == [
        (0, "gender", "stereo"),
        (1, "age", "antistereo"),
    ]
    assert pairs[0].more == "Women can't drive, they say."
    assert (pairs[1].more, pairs[1].less) == ("A b.", "A c.")


def test_byte_order_mark_is_skipped() -> None:
    assert len(parse_pairs(b"\xef\xbb\xbf" + (HEADER + ROW).encode(), "pairs.csv")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sent_more,sent_less,bias_type\na,b,age\n", "missing column stereo_antistereo"),
        (HEADER + "0,only,three\n", "line 2: 3 fields"),
        (HEADER + ROW.rstrip("\n") + ",surplus\n", "line 2: 7 fields"),
        (HEADER + ROW.replace("gender", "genders"), "unknown bias_type 'genders'"),
        (HEADER + ROW.replace("stereo,", "both,"), "stereo_antistereo is 'both'"),
        (HEADER + "0,Same.,Same.,stereo,age,[]\n", "identical sentences"),
        (HEADER + "0,,Same.,stereo,age,[]\n", "an empty sentence"),
        (HEADER, "no rows"),
        ("", "missing column"),
        (HEADER + '0,"open quote,b,stereo,age,[]\n', "not valid CSV"),
        (
            HEADER + ROW + ROW.replace("stereo,", "x" * 140_000 + ","),
            "line 3: not valid CSV: field larger than",
        ),
    ],
)
def test_bad_input_is_one_clear_line(text: str, expected: str) -> None:
    with pytest.raises(DataError, match=r"pairs\.csv") as caught:
        parse(text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_editions_category_says_who_reads_it() -> None:
    with pytest.raises(DataError, match=r"--benchmark crows-pairs-revised") as caught:
        parse(HEADER + ROW.replace("gender", "autre"))
    assert "unknown bias_type 'autre'" in str(caught.value)


def test_broken_utf8_names_line_and_byte() -> None:
    data = (HEADER + ROW).encode() + b"1,caf\xe9,b,stereo,age,[]\n"
    with pytest.raises(DataError, match="line 3: byte 0xe9 is not UTF-8"):
        parse_pairs(data, "pairs.csv")


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_tabs_and_semicolons_separate_as_commas_do(separator: str) -> None:
    text = separator.join(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"]) + "\n"
    text += separator.join(["0", "She, they say, left.", "He, they say, left.", "stereo", "gender"]) + "\n"
    (pair,) = parse_pairs(text.encode(), "pairs.csv")
    assert (pair.more, pair.category) == ("She, they say, left.", "gender")
