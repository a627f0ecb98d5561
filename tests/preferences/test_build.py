from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.errors import DataError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.preferences.build import (
    BOTH_TOXIC,
    DUPLICATE,
    KEPT,
    NOT_CLEANER,
    build_preferences,
    filter_reason,
    shared_prefix,
)
from counterpoise.preferences.config import PreferencesConfig
from counterpoise.preferences.sentences import sentences
from counterpoise.records import Counterfactual, Pair

PAIR = FoldedPair.of(Pair(7, "religion", "stereo", "Muslims lie.", "Christians lie."), group=7, fold=2)


def swap(swapped: str, side: str = "more") -> Counterfactual:
    return Counterfactual(7, side, "religion", "muslim>x", "Muslims lie.", swapped, 1, "")


def build(scores: dict[str, float], *swaps: Counterfactual, **config: object) -> list[tuple[str, str, str]]:
    rows = build_preferences([PAIR], swaps, scores, PreferencesConfig(**config), seed=0)  # type: ignore[arg-type]
    return [(row.origin, row.chosen, row.reason) for row in rows]


def test_human_pair_prefers_the_less_stereotyping_sentence() -> None:
    rows = build_preferences(
        [PAIR], [], {"Muslims lie.": 0.4, "Christians lie.": 0.1}, PreferencesConfig(), 0
    )
    assert len(rows) == 1
    row = rows[0]
    assert (row.chosen, row.rejected, row.prompt) == ("Christians lie.", "Muslims lie.", "")
    assert (row.fold, row.kept, row.preference_id) == (2, True, "7/human/religion/0")
    assert (row.chosen_toxicity, row.rejected_toxicity) == (0.1, 0.4)


def test_counterfactuals_of_the_stereotype_are_candidates_and_duplicates_are_told() -> None:
    scores = {"Muslims lie.": 0.4, "Christians lie.": 0.1, "Jews lie.": 0.45}
    found = build(scores, swap("Christians lie."), swap("Jews lie."), swap("Muslims lie.", side="less"))
    assert sorted(found) == [
        ("counterfactual", "Christians lie.", DUPLICATE),
        ("counterfactual", "Jews lie.", NOT_CLEANER),
        ("human", "Christians lie.", KEPT),
    ]


def test_no_more_than_the_asked_number_of_counterfactuals() -> None:
    swaps = [swap(f"{n} lie.") for n in range(5)]
    scores = {"Muslims lie.": 0.4, "Christians lie.": 0.1} | {s.swapped: 0.2 for s in swaps}
    assert len(build(scores, *swaps, max_counterfactuals=3)) == 1 + 3
    assert len(build(scores, *swaps, origins=("counterfactual",), max_counterfactuals=0)) == 0


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        (0.5, 0.9, KEPT),
        (0.51, 0.52, BOTH_TOXIC),
        (0.3, 0.2, NOT_CLEANER),
        (0.2, 0.2, KEPT),
        (0.9, 0.5, NOT_CLEANER),
    ],
)
def test_filter_boundaries(chosen: float, rejected: float, reason: str) -> None:
    assert filter_reason(chosen, rejected, PreferencesConfig()) == reason


def test_tolerance_lets_a_little_more_toxic_pass() -> None:
    assert filter_reason(0.25, 0.2, PreferencesConfig(tolerance=0.1)) == KEPT


def test_missing_score_names_the_sentence() -> None:
    with pytest.raises(DataError, match="Muslims lie"):
        build({"Christians lie.": 0.1})


def test_sentences_are_distinct_and_sorted() -> None:
    assert sentences([PAIR], [swap("A."), swap("A.")]) == ["A.", "Christians lie.", "Muslims lie."]


def test_shared_prefix_prompt_splits_at_a_word() -> None:
    pair = FoldedPair.of(Pair(1, "gender", "stereo", "We say women lie.", "We say men lie."), 1, 0)
    scores = {"We say women lie.": 0.2, "We say men lie.": 0.1}
    (row,) = build_preferences([pair], [], scores, PreferencesConfig(prompt="shared-prefix"), 0)
    assert (row.prompt, row.chosen, row.rejected) == ("We say", " men lie.", " women lie.")


words = st.lists(st.sampled_from(["the", "them", "a", "man", "woman"]), min_size=1, max_size=6).map(" ".join)


@given(words, words)
def test_shared_prefix_is_whole_words_of_both(left: str, right: str) -> None:
    prefix = shared_prefix(left, right)
    for text in (left, right):
        assert text.startswith(prefix)
        assert prefix == "" or text[len(prefix)] == " "
