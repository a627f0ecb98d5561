"""The search for a strength on made-up dials: where it ends, what it asks, and what the outcome is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.alignment.evaluator import failed_guard
from counterpoise.alignment.records import Candidate
from counterpoise.alignment.strength import HIGHEST, NEUTRAL_WITHIN, distance, fixed, search, verdict


@dataclass
class Dial:
    """A model whose estimated score is a function of the strength; guards reject strengths above ``limit``."""

    soft_score: Callable[[float], float]
    limit: float = 2.0
    guarded_at: list[float] = field(default_factory=list)

    def score(self, strength: float) -> Candidate:
        value = self.soft_score(strength)
        return Candidate(strength, value, value, 5.0 - strength)

    def guarded(self, candidate: Candidate) -> Candidate:
        self.guarded_at.append(candidate.strength)
        return replace(candidate, failed_guard="too strong" if abs(candidate.strength) > self.limit else "")


def test_short_of_neutral_the_dials_end_is_delivered() -> None:
    looked = search(dial := Dial(lambda strength: 56 - 3 * strength))
    assert [found.strength for found in looked] == [0.0, HIGHEST, HIGHEST]
    assert dial.guarded_at == [HIGHEST]
    assert verdict(looked, enforce=True)[:2] == (HIGHEST, "improved")  # 56 − 3.6 = 52.4


def test_past_neutral_the_least_strength_that_is_neutral_is_found() -> None:
    # 56 − 16 s is 51.3 at s = 0.29375, which is 7.83 steps of 1.2 / 32; the eighth is the first within 1.3 points
    looked = search(Dial(lambda strength: 56 - 16 * strength))
    assert looked[-1].strength == pytest.approx(0.3)
    assert looked[-1].soft_score == pytest.approx(51.2)
    assert verdict(looked, enforce=True)[1] == "neutral"


def test_a_base_below_neutral_is_raised() -> None:
    looked = search(Dial(lambda strength: 44 + 16 * strength))
    assert looked[-1].strength == pytest.approx(0.3)
    assert verdict(looked, enforce=True)[1] == "neutral"


def test_an_adapter_to_negate_is_searched_on_the_other_side() -> None:
    # the mirror image of 56 − 16 s: the same steps, and the same quarters where a guard fails
    looked = search(Dial(lambda strength: 56 + 16 * strength), -HIGHEST)
    assert looked[-1].strength == pytest.approx(-0.3)
    assert verdict(looked, enforce=True)[1] == "neutral"
    lowered = search(dial := Dial(lambda strength: 56 + 3 * strength, limit=0.6), -HIGHEST)
    assert dial.guarded_at == pytest.approx([-1.2, -0.9, -0.675, -0.5063])
    assert verdict(lowered, enforce=True)[:2] == (-0.5063, "improved")
    nowhere = search(Dial(lambda strength: 56 + 3 * strength, limit=0.0), -HIGHEST)
    assert verdict(nowhere, enforce=True)[:2] == (0.0, "no_change")


def test_a_base_that_is_neutral_is_left_as_it_is() -> None:
    looked = search(dial := Dial(lambda strength: 51.3 - 16 * strength))
    assert ([found.strength for found in looked], dial.guarded_at) == ([0.0], [])
    expected = "nothing is delivered: the base's score, 51.3, is within 1.3 points of neutral"
    assert verdict(looked, enforce=True) == (0.0, "no_change", expected)


def test_a_failed_guard_lowers_the_strength_by_quarters() -> None:
    looked = search(dial := Dial(lambda strength: 56 - 3 * strength, limit=0.6))
    assert dial.guarded_at == pytest.approx([1.2, 0.9, 0.675, 0.5063])  # rounded to four digits each time
    assert looked[-1].strength == 0.5063
    assert verdict(looked, enforce=True)[:2] == (0.5063, "improved")


def test_no_strength_holds_or_helps() -> None:
    harmful = search(Dial(lambda strength: 56 - 3 * strength, limit=0.0))
    assert verdict(harmful, enforce=True) == (0.0, "no_change", "nothing is delivered: too strong")
    useless = search(Dial(lambda strength: 56 + 3 * strength))
    assert verdict(useless, enforce=True)[:2] == (0.0, "no_change")


def test_a_strength_that_was_asked_for_is_delivered_whatever_the_guards_say() -> None:
    looked = fixed(Dial(lambda strength: 56 - 16 * strength, limit=0.0), 1.0)
    assert [found.strength for found in looked] == [0.0, 1.0]
    strength, status, reason = verdict(looked, enforce=False)
    assert (strength, status) == (1.0, "overshoot")  # 56 to 40
    assert reason == "strength 1: validation 56.0 → 40.0, mean |margin| 5.00 → 4.00 nats"


@given(slope=st.floats(0.1, 50), start=st.floats(51.4, 80))
def test_what_is_found_is_never_further_from_neutral_than_the_base(slope: float, start: float) -> None:
    looked = search(Dial(lambda strength: start - slope * strength))
    assert distance(looked[-1]) < distance(looked[0])
    if slope * HIGHEST > start - 50:  # the dial crosses neutral: one step of it is 1.2 / 32 of the slope
        assert distance(looked[-1]) <= NEUTRAL_WITHIN + slope * HIGHEST / 32


MEASURED = Candidate(1.0, 50.0, 50.0, 4.5, 0.02, 0.02, 0.98, 0.99, "women", -0.02)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, ""),  # every limit is reached, none is passed
        ({"perplexity_rise": 0.021}, "neutral perplexity rose by 2.1% (limit 2%)"),
        ({"perplexity_rise": float("nan")}, "neutral perplexity rose by nan% (limit 2%)"),
        ({"own_text_kl": 0.03}, "0.030 nats a token from the base on its own text (limit 0.02)"),
        (
            {"usable_ratio": 0.97, "usable_ratio_high": 0.99},
            "usable sampled text is 97.0% of the base's, beyond chance (limit 98%)",
        ),
        ({"usable_ratio": 0.97, "usable_ratio_high": 1.01}, ""),  # its interval holds no fall at all, too
        (
            {"lowest_group_change": -0.03},
            "sentences about women fell by 0.030 nats a token against all groups' (limit 0.02)",
        ),
    ],
)
def test_each_guard_has_its_claims_limit(change: dict[str, float], complaint: str) -> None:
    assert failed_guard(replace(MEASURED, **change)) == complaint


def test_what_was_not_measured_is_no_failure() -> None:
    assert failed_guard(Candidate(1.0, 50.0, 50.0, 4.5)) == ""
