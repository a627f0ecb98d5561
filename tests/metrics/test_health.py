from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.errors import DataError
from counterpoise.metrics import health

LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "usable_text.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("split", ["tune", "check"])
def test_usable_agrees_with_hand_labels(split: str) -> None:
    """Thresholds were set on ``tune``; ``check`` was only looked at afterwards."""
    rows = [row for row in LABELLED if row["split"] == split]
    found = [(row["usable"], health.fault(row["text"]) is None) for row in rows]
    right = sum(label == usable for label, usable in found)
    refused = sum(label and not usable for label, usable in found)
    let_through = sum(usable and not label for label, usable in found)
    assert len(rows) >= 45
    assert right / len(rows) >= 0.93
    assert (refused, let_through) == {"tune": (1, 1), "check": (0, 2)}[split]


def test_every_kind_of_damage_is_labelled_in_both_splits() -> None:
    kinds = {split: {row["kind"] for row in LABELLED if row["split"] == split} for split in ("tune", "check")}
    assert kinds["tune"] == kinds["check"]
    assert len(LABELLED) >= 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("<|im_end|> and so on they went", "control tokens"),
        ("the caf\ufffd was closed", "broken characters"),
        ("12 34 | 56 -- 78", "symbols"),
        ("Oh no", "too short"),
        ("and the 11, a 11, and a 11", "repeats"),
        ("est une ville où les habitants parlent leur langue", "not English"),
        ("a teacher at the school by the river", None),
    ],
)
def test_faults(text: str, expected: str | None) -> None:
    assert health.fault(text) == expected


def test_distinct_n_by_hand() -> None:
    # unigrams a b a b c: 3 of 5; bigrams ab ba | bc: the two texts do not join, 3 of 3
    assert health.distinct_n(["a b a", "b c"], 1) == pytest.approx(3 / 5)
    assert health.distinct_n(["a b a", "b c"], 2) == pytest.approx(3 / 3)
    assert health.distinct_n(["a"], 2) == 0.0


def test_repetition_by_hand() -> None:
    # a b c d a b c d: 5 four-grams, abcd twice → 1 − 4/5
    assert health.repetition("a b c d a b c d") == pytest.approx(1 / 5)
    assert health.repetition("a b c") == 0.0


def test_summary_counts_faults_and_drift() -> None:
    texts = [
        "a teacher at the school by the river",
        "",
        "die Kinder gingen am Morgen mit ihrer Mutter zum Markt",
    ]
    result = health.text_health(texts)
    assert result.usable == pytest.approx(100 / 3)
    assert result.faults == {"empty": 1, "not English": 1}
    assert result.mean_words == pytest.approx((8 + 0 + 10) / 3)
    assert result.drift == pytest.approx(50.0)  # of the two long enough to judge
    with pytest.raises(DataError, match="no texts"):
        health.text_health([])


def test_health_of_several_models_is_their_mean() -> None:
    good, loop = "a teacher at the school by the river", "no no no no no no no no"
    one, other = health.text_health([good, good]), health.text_health([good, loop])
    both = health.mean_health([one, other])
    assert both.n == 4
    assert both.usable == pytest.approx((100 + 50) / 2)
    assert both.faults == {"repeats": 1}
    # one model's two texts are one text twice (7 words, "the" twice): 7 / 16, not 7 / 32 of four copies
    assert one.distinct_1 == pytest.approx(7 / 16)
    assert both.distinct_1 == pytest.approx((one.distinct_1 + other.distinct_1) / 2)
    # .75 of 2 texts, not of 4: 1.5 is rounded to 2 of 2, Wilson's lower end 2 / (2 + 1.96²)
    assert both.usable_interval[0] == pytest.approx(100 * 2 / (2 + 1.959964**2), abs=1e-3)


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    result = health.text_health([text])
    assert result.usable in {0.0, 100.0}
    assert 0 <= result.repetition < 1
    assert sum(result.faults.values()) == (result.usable == 0)


@given(st.integers(1, 6), st.integers(0, 4))
def test_a_loop_of_any_unit_is_found(unit: int, lead: int) -> None:
    words = ["she", "walked", "home", "from", "work", "late"][:unit]
    text = " ".join(["Then", "one", "day", "again"][:lead] + words * (1 + 12 // unit))
    assert health.repeats(text)
