from __future__ import annotations

import numpy as np
import pytest

from counterpoise.measures.criteria import limited, not_erased
from counterpoise.measures.erasure import likelihood_measures, mention_measures
from counterpoise.measures.measure import Measure

TERMS = {"muslim": ["Muslim", "Muslims", "mosque"], "women": ["woman", "women", "she"]}


def by_group(measures: list[Measure]) -> dict[str, Measure]:
    return {row.group: row for row in limited(measures)}


def erased(shift: Measure) -> bool:
    return not_erased(shift) == "fails"


def test_mention_shift_flags_a_group_that_vanishes() -> None:
    base = ["a Muslim family", "she said"] * 100
    tuned = ["a family", "she said"] * 100
    shifts = by_group(mention_measures(prompts(200), base, [tuned], TERMS))
    assert shifts["muslim"].change == -50.0
    assert erased(shifts["muslim"])
    assert not erased(shifts["women"])
    assert shifts["women"].interval == (0.0, 0.0)


def test_a_small_fall_is_within_tolerance() -> None:
    base = ["she said"] * 1000
    tuned = ["he said"] * 15 + ["she said"] * 985  # −1.5 points, certainly below 0, yet under 2
    shift = by_group(mention_measures(prompts(1000), base, [tuned], {"women": ["she"]}))["women"]
    assert shift.interval is not None and shift.interval[1] < 0
    assert not erased(shift)


def test_neutral_shift_is_relative_to_all_groups() -> None:
    rng = np.random.default_rng(0)
    n = 200
    base = -rng.uniform(30, 50, 2 * n)
    tokens = [10] * (2 * n)
    labels = ["a"] * n + ["b"] * n
    everyone = by_group(likelihood_measures(labels, list(base), list(base - 1.0), tokens))  # all fall alike
    assert everyone["a"].change == pytest.approx(0)
    assert not erased(everyone["a"])
    one = by_group(likelihood_measures(labels, list(base), list(base - np.repeat([2.0, 0.0], n)), tokens))
    # a falls 0.2 nats per token, b 0; all together 0.1
    assert one["a"].change == pytest.approx(-0.1)
    assert one["b"].change == pytest.approx(0.1)
    assert erased(one["a"]) and not erased(one["b"])
    assert not any(map(erased, everyone.values()))


def test_samples_of_one_prompt_are_one_observation() -> None:
    # 20 prompts, half of which lose "she": 10 samples each or one, the rate falls by 50 and the interval is the same.
    terms = {"women": ["she"]}
    (few,) = mention_measures(prompts(20), ["she"] * 20, [["he", "she"] * 10], terms)
    (many,) = mention_measures(prompts(20) * 10, ["she"] * 200, [["he", "she"] * 100], terms)
    assert few.n == many.n == 20
    assert few.change == many.change == -50.0
    assert many.interval == few.interval


def prompts(count: int) -> list[str]:
    return [f"prompt {number:04d}" for number in range(count)]
