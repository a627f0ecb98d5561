from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.alignment.balance import LEAST, balanced, turns
from counterpoise.alignment.config import LossSettings
from tests.alignment.material import PAIRS, preference

WOMEN, MEN = ["woman", "women", "she", "her"], ["man", "men", "he", "his"]


def turned(rejected: str, chosen: str, prompt: str = "") -> int:
    row = dataclasses.replace(preference(PAIRS[0]), prompt=prompt, chosen=chosen, rejected=rejected)
    return turns([row], WOMEN, MEN)[row.preference_id]


@pytest.mark.parametrize(
    ("rejected", "chosen", "expected"),
    [
        ("Women cannot drive.", "Men cannot drive.", -1),
        ("He hit his wife.", "She hit her wife.", 1),
        ("She and the man left.", "She and the boy left.", 1),  # a man less is a turn away from men
        ("She met a man.", "He met a woman.", 0),  # both are named on both sides
        ("The black cat.", "The white cat.", 0),
        (
            "The women mention it.",
            "The womenfolk mention it.",
            -1,
        ),  # whole words: "womenfolk" is none of them
    ],
)
def test_a_preference_turns_to_whom_its_chosen_sentence_names_more(
    rejected: str, chosen: str, expected: int
) -> None:
    assert turned(rejected, chosen) == expected


def test_the_prompt_counts_as_part_of_both_sentences() -> None:
    assert turned(" is kind.", " is kind, he says.", prompt="She") == -1


def test_the_heavier_side_is_scaled_to_the_weight_of_the_other() -> None:
    # towards women: 0.5 · 1 and −0.25 · −1 = 0.75; towards men: 1 + 1 + 1 = 3; so men's side is scaled by a quarter
    pushes = {"a": 0.5, "b": -0.25, "c": 1.0, "d": 1.0, "e": 1.0, "f": -1.0}
    found = balanced(pushes, {"a": 1, "b": -1, "c": -1, "d": -1, "e": -1, "f": 0})
    assert found == {"a": 0.5, "b": -0.25, "c": 0.25, "d": 0.25, "e": 0.25, "f": -1.0}


def test_a_side_without_a_counterweight_keeps_the_least_share() -> None:
    assert balanced({"a": 1.0, "b": 0.0}, {"a": -1, "b": 1}) == {"a": LEAST, "b": 0.0}


@given(
    rows=st.lists(st.tuples(st.floats(-1, 1), st.sampled_from([-1, 0, 1])), max_size=12),
)
def test_pushes_keep_their_direction_never_grow_and_cancel_where_the_floor_allows(
    rows: list[tuple[float, int]],
) -> None:
    pushes = {str(at): push for at, (push, _) in enumerate(rows)}
    sides = {str(at): side for at, (_, side) in enumerate(rows)}
    found = balanced(pushes, sides)
    assert list(found) == list(pushes)
    for name, push in pushes.items():
        assert found[name] * push >= 0
        assert LEAST * abs(push) - 1e-12 <= abs(found[name]) <= abs(push)
    effects = [push * sides[name] for name, push in pushes.items()]
    up, down = sum(e for e in effects if e > 0), -sum(e for e in effects if e < 0)
    if max(up, down) > 0 and min(up, down) / max(up, down) >= LEAST:
        assert sum(found[name] * sides[name] for name in found) == pytest.approx(0, abs=1e-9)


def test_groups_to_balance_are_two_that_exist_or_none() -> None:
    assert LossSettings(balance=()).balance == ()
    with pytest.raises(ValueError, match=r"balance takes two of black, white, .* got \('women', 'people'\)"):
        LossSettings(balance=("women", "people"))
    with pytest.raises(ValueError, match="balance takes two"):
        LossSettings(balance=("women",))
