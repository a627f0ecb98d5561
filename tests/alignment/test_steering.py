"""What is left in each category, by hand, and the pushes that follow."""

from __future__ import annotations

import math

import pytest
import torch

from counterpoise.alignment.config import LossSettings
from counterpoise.alignment.losses import PairLogProbs, objective
from counterpoise.alignment.steering import (
    CategoryBias,
    Margins,
    base_bias,
    pushes,
    remaining,
    score,
    shifts,
    soft_score,
)

SETTINGS = LossSettings(full_push=4.0, max_push=2.0, max_push_back=0.75)
BASE = Margins(("age", "age", "age", "age", "gender"), torch.tensor([1.0, 2.0, 3.0, -4.0, 0.0]))


def test_scores() -> None:
    assert score(BASE.values) == 75  # three of four; the tie is left out
    assert score(torch.zeros(3)) == 50
    assert soft_score(torch.tensor([0.0, 0.0]), 0.5) == 50


def test_small_categories_know_little_about_themselves() -> None:
    # age: (75 − 50) · 4 / (4 + 20); gender is one tie: 50
    assert base_bias(BASE) == {"age": pytest.approx(25 * 4 / 24), "gender": 0}


def test_shifts_are_paired_and_drawn_to_the_shift_of_all() -> None:
    now = BASE.values + torch.tensor([-1.0, 0.0, 0.0, 0.0, 0.0])
    # the first margin falls from 1 to 0 at temperature 1: σ(0) − σ(1) = −0.231059
    moved = -100 * (1 / (1 + math.exp(-1)) - 0.5)
    assert shifts(BASE, now, 1.0) == pytest.approx(
        {
            "": moved / 5,
            "age": (moved + 12 * moved / 5) / (4 + 12),
            "gender": (0 + 12 * moved / 5) / (1 + 12),
        },
        rel=1e-5,
    )


def test_the_push_is_in_proportion_to_what_is_left_and_turns_with_it() -> None:
    base = {"age": 12.0, "gender": 1.0, "religion": 3.0, "disability": -9.0}
    found = remaining(8, base, {"": -2.0, "age": -3.0, "gender": -3.0}, SETTINGS)
    assert found == (
        CategoryBias(8, "age", 9.0, 2.0),  # 9 / 4, clipped
        CategoryBias(
            8, "disability", -11.0, -0.75
        ),  # −11 / 4, clipped; no validation pairs: moved as all did
        CategoryBias(8, "gender", -2.0, -0.5),
        CategoryBias(8, "religion", 1.0, 0.25),
    )
    earlier = CategoryBias(0, "age", 12.0, 1.0)
    assert pushes([earlier, *found]) == {"age": 2.0, "disability": -0.75, "gender": -0.5, "religion": 0.25}
    assert pushes([]) == {}


def test_a_push_weighs_a_preference_and_below_zero_turns_it() -> None:
    values = (-16.0, -20.0, -20.0, -18.0, 10.0, 5.0, 0.0)
    settings = LossSettings(types=("sigmoid",), weights=(1.0,), beta=0.5, anchor_weight=0.0, drift_weight=0.0)

    def loss(push: float) -> float:
        return float(objective(PairLogProbs(*(torch.tensor([v]) for v in (*values, push))), settings)[0])

    # δ = 6, βδ = 3
    assert loss(0.5) == pytest.approx(0.5 * math.log1p(math.exp(-3)), rel=1e-5)
    assert loss(-1.0) == pytest.approx(math.log1p(math.exp(3)), rel=1e-5)
    assert loss(0.0) == 0
