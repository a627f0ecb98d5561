from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.errors import DataError
from counterpoise.metrics.intervals import (
    bootstrap_mean,
    detectable_change,
    detectable_from_half,
    holm,
    mcnemar_exact,
    resampled_means,
    wilson,
)


def test_wilson_by_hand() -> None:
    # the worked examples of Newcombe 1998, table I
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(DataError, match="successes = 3"):
        wilson(3, 2)


def test_half_widths_near_one_half() -> None:
    low, high = wilson(754, 1508)
    assert 100 * (high - low) / 2 == pytest.approx(2.5, abs=0.05)
    low, high = wilson(30, 60)
    assert 100 * (high - low) / 2 == pytest.approx(12.3, abs=0.1)


def test_mcnemar_by_hand() -> None:
    # 2 against 8 of 10: 2 · (C(10,0)+C(10,1)+C(10,2)) / 2^10 = 2 · 56 / 1024
    assert mcnemar_exact(2, 8) == pytest.approx(2 * 56 / 1024)
    assert mcnemar_exact(8, 2) == mcnemar_exact(2, 8)
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(5, 5) == 1.0
    with pytest.raises(DataError):
        mcnemar_exact(-1, 2)


def test_holm_by_hand() -> None:
    # sorted .01 .02 .04 → ×3 .03, ×2 .04, ×1 .04
    assert holm({"a": 0.02, "b": 0.01, "c": 0.04}) == pytest.approx({"a": 0.04, "b": 0.03, "c": 0.04})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1), max_size=9))
def test_holm_only_raises_p_and_keeps_their_order(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    for name, p in p_values.items():
        assert p <= adjusted[name] <= 1
        assert all(adjusted[name] <= adjusted[other] for other, q in p_values.items() if q > p)


def test_detectable_distance() -> None:
    # (1.96 + 0.8416) / (2 √1508) = 0.03607
    assert detectable_from_half(1508) == pytest.approx((1.95996 + 0.84162) / (2 * math.sqrt(1508)), rel=1e-4)
    assert detectable_from_half(1) == 0.5
    assert detectable_from_half(0) == 0.5


def test_detectable_change_solves_connors_equation() -> None:
    n, d = 1508, 0.2
    delta = detectable_change(n, d)
    needed = (1.95996 * math.sqrt(d) + 0.84162 * math.sqrt(d - delta**2)) ** 2 / delta**2
    assert needed == pytest.approx(n, rel=1e-3)
    assert detectable_change(10, 0.1) == 0.1  # even all discordant pairs one way would go undetected
    assert detectable_change(10, 0.0) == 0.0


def test_bootstrap_matches_the_normal_interval_and_its_seed() -> None:
    values = np.random.default_rng(0).normal(2.0, 3.0, 2000)
    low, high = bootstrap_mean(values, seed=5)
    half = 1.96 * values.std() / math.sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert bootstrap_mean(values, seed=5) == (low, high)
    assert bootstrap_mean(values, seed=6) != (low, high)
    with pytest.raises(DataError, match="at least one"):
        bootstrap_mean([], seed=0)


def test_bootstrap_keeps_columns_paired_across_blocks() -> None:
    values = np.random.default_rng(0).normal(size=30_000)
    means = resampled_means(
        np.column_stack([values, values + 1]), seed=1, resamples=300
    )  # 300 rows in 3 blocks
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 1.0)
