from __future__ import annotations

import numpy as np
import pytest

from counterpoise.metrics import erasure

TERMS = {"muslim": ["Muslim", "Muslims", "mosque"], "women": ["woman", "women", "she"]}


def test_mention_shift_flags_a_group_that_vanishes() -> None:
    base = ["a Muslim family", "she said"] * 100
    tuned = ["a family", "she said"] * 100
    shifts = erasure.mention_shifts(prompts(200), base, [tuned], TERMS)
    assert shifts["muslim"].change == -50.0
    assert shifts["muslim"].erased
    assert not shifts["women"].erased
    assert shifts["women"].interval == (0.0, 0.0)


def test_a_small_fall_is_within_tolerance() -> None:
    base = ["she said"] * 1000
    tuned = ["he said"] * 15 + ["she said"] * 985  # −1.5 points, certainly below 0, yet under 2
    shift = erasure.mention_shifts(prompts(1000), base, [tuned], {"women": ["she"]})["women"]
    assert shift.interval[1] < 0
    assert not shift.erased


def test_neutral_shift_is_relative_to_all_groups() -> None:
    rng = np.random.default_rng(0)
    n = 200
    base = -rng.uniform(30, 50, 2 * n)
    tokens = [10] * (2 * n)
    labels = ["a"] * n + ["b"] * n
    everyone = erasure.neutral_shifts(labels, list(base), list(base - 1.0), tokens)  # all fall alike
    assert everyone["a"].change == pytest.approx(0)
    assert not everyone["a"].erased
    one = erasure.neutral_shifts(labels, list(base), list(base - np.repeat([2.0, 0.0], n)), tokens)
    # a falls 0.2 nats per token, b 0; all together 0.1
    assert one["a"].change == pytest.approx(-0.1)
    assert one["b"].change == pytest.approx(0.1)
    assert one["a"].erased and not one["b"].erased
    assert not any(shift.erased for shift in everyone.values())


def test_samples_of_one_prompt_are_one_observation() -> None:
    # 20 prompts, half of which lose "she": 10 samples each or one, the rate falls by 50 and the interval is the same.
    few = erasure.mention_shifts(prompts(20), ["she"] * 20, [["he", "she"] * 10], {"women": ["she"]})["women"]
    many = erasure.mention_shifts(prompts(20) * 10, ["she"] * 200, [["he", "she"] * 100], {"women": ["she"]})[
        "women"
    ]
    assert few.n == many.n == 20
    assert few.change == many.change == -50.0
    assert many.interval == few.interval


def prompts(count: int) -> list[str]:
    return [f"prompt {number:04d}" for number in range(count)]
