from __future__ import annotations

import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.crows_revised import OWN_ROWS, parse_revised

HEADER = ",sent_more,sent_less,stereo_antistereo,bias_type\n"


def test_original_numbers_are_kept_and_slips_reported() -> None:
    rows = (
        '0,"They, A.","They, B.",stereo,Race-color\n'
        "7,A.,B.,antistereo,other\n"
        "9,A.,B.,stereo,stereo\n"
        "10,A.,A.,stereo,age\n"
        "11,A.,,stereo,age\n"
        "12,A.,B.,perhaps,age\n"
    )
    revised = parse_revised((HEADER + rows).encode(), "revised.csv")
    assert [(pair.pair_id, pair.category, pair.direction) for pair in revised.pairs] == [
        (0, "race-color", "stereo"),
        (7, "other", "antistereo"),
    ]
    assert revised.pairs[0].more == "They, A."
    assert revised.left_out == (
        ("9", "unknown bias_type 'stereo'"),
        ("10", "identical sentences"),
        ("11", "an empty sentence"),
        ("12", "unknown stereo_antistereo 'perhaps'"),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\x00", "revised.csv, line 1: byte 0xff is not UTF-8"),
        (HEADER.encode(), "no rows"),
        (b",sent_more,sent_less,bias_type\n0,A.,B.,age\n", "no column stereo_antistereo"),
        ((HEADER + " ,A.,B.,stereo,age\n").encode(), "line 2: no row number"),
        ((HEADER + "1,A.,B.,stereo,age\n1,C.,D.,stereo,age\n").encode(), "row number 1 occurs twice"),
        ((HEADER + "1,A.,A.,stereo,age\n").encode(), "no usable pair in 1 rows"),
    ],
)
def test_broken_files(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse_revised(data, "revised.csv")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_published_form_is_read_whatever_separates_it(separator: str) -> None:
    rows = [
        ["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"],
        ["4", "Les vieux oublient tout.", "Les jeunes oublient tout.", "stereo", "age"],
        ["LA0", "Les Bretons boivent.", "Les Alsaciens boivent.", "antistereo", "autre"],
        ["FR11", "Elle conduit mal.", "Il conduit mal.", "stereo", "Sexual orientation"],
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    revised = parse_revised(b"\xef\xbb\xbf" + text.encode(), "fr.csv")
    assert [(pair.pair_id, pair.category) for pair in revised.pairs] == [
        (4, "age"),
        (OWN_ROWS + 1, "other"),
        (OWN_ROWS + 2, "sexual-orientation"),
    ]
    assert revised.names[OWN_ROWS + 1] == "LA0"
    assert revised.left_out == ()


def test_an_open_quotation_mark_swallows_no_rows() -> None:
    lines = [
        "\tsent_more\tsent_less\tstereo_antistereo\tbias_type",
        '0\t"Old clerks lose files.\tYoung clerks lose files.\tstereo\tage',
        "1\tA poor tenant.\tA rich tenant.\tstereo\tsocioeconomic",
        '2\tThe old man said "no".\tThe young man said "no".\tstereo\tage',
        '3\t"Old men" are late.\tYoung men are late.\tstereo\tage',
    ]
    with pytest.raises(DataError, match="row 1 after the header: a line break inside a field"):
        parse_revised("\n".join(lines).encode(), "rows.tsv")
    assert len(parse_revised("\n".join([lines[0], *lines[2:]]).encode(), "rows.tsv").pairs) == 3


def test_a_field_that_is_too_long_is_told_with_its_line() -> None:
    rows = "\tsent_more\tsent_less\tstereo_antistereo\tbias_type\n0\tA\tB\tstereo\tage\n1\t" + "x" * 140_000
    with pytest.raises(DataError, match=r"rows\.tsv, line 3: field larger than"):
        parse_revised(rows.encode(), "rows.tsv")
