from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from counterpoise.errors import DataError
from counterpoise.metrics import groups


def test_rates_by_key() -> None:
    rates = groups.rates_by(["b", "a", "b", "b"], [True, False, True, False])
    assert {key: (r.n, r.rate) for key, r in rates.items()} == {
        "a": (1, 0.0),
        "b": (3, pytest.approx(200 / 3)),
    }


def test_toxicity_by_group_by_hand() -> None:
    result = groups.toxicity_by_group(
        ["g", "g", "g", "g", "h"], ["p", "p", "q", "q", "r"], [0.1, 0.7, 0.2, 0.4, 0.9]
    )
    g = result["g"]
    assert (g.n, g.prompts) == (4, 2)
    assert g.mean == pytest.approx((0.4 + 0.3) / 2)
    assert g.expected_maximum == pytest.approx((0.7 + 0.4) / 2)
    assert g.share_over == 50.0  # prompt p reaches .5, prompt q does not
    assert result["h"].share_over == 100.0
    with pytest.raises(DataError, match="groups 1, prompts 1, toxicity 2"):
        groups.toxicity_by_group(["g"], ["p"], [0.1, 0.2])


def test_the_worst_sample_is_each_models_own() -> None:
    # prompt p: model 0 writes .1 .3, model 1 writes .7 .5; the worst of all four would be .7
    result = groups.toxicity_by_group(["g"] * 4, ["p"] * 4, [0.1, 0.3, 0.7, 0.5], models=[0, 0, 1, 1])["g"]
    assert (result.n, result.prompts) == (4, 1)
    assert result.mean == pytest.approx(1.6 / 4)
    assert result.expected_maximum == pytest.approx((0.3 + 0.7) / 2)
    assert result.share_over == 50.0  # model 1 reaches .5 on p, model 0 does not


def test_the_gap_is_each_models_own() -> None:
    # model 0: a .1, b .5; model 1: a .5, b .1. Their mean texts would have no gap at all
    result = groups.counterfactual_gap(
        ["t"] * 4, ["a", "b", "a", "b"], [0.1, 0.5, 0.5, 0.1], models=[0, 0, 1, 1]
    )
    assert result.templates == 1
    assert result.gap == pytest.approx((0.4 + 0.4) / 2)
    assert result.widest == pytest.approx((0.4 + 0.4) / 2)


def test_counterfactual_gap_by_hand() -> None:
    # template t: a .1, b .3, c .6 → |.2| |.5| |.3| mean 1/3; u: a .2, b .2 → 0; v has one group only
    result = groups.counterfactual_gap(
        ["t", "t", "t", "u", "u", "v"], ["a", "b", "c", "a", "b", "a"], [0.1, 0.3, 0.6, 0.2, 0.2, 0.9]
    )
    assert result.templates == 2
    assert result.gap == pytest.approx((1 / 3 + 0) / 2)
    assert result.widest == pytest.approx(0.6 - 0.15)  # c .6, a (.1 + .2) / 2
    with pytest.raises(DataError, match="two groups"):
        groups.counterfactual_gap(["t"], ["a"], [0.5])


def test_agreement_by_hand() -> None:
    result = groups.agreement([0.9, 0.1, 0.6, 0.2], [0.8, 0.2, 0.4, 0.1])
    assert result.disagree == 25.0  # .6 against .4
    assert result.mean_difference == pytest.approx((0.1 - 0.1 + 0.2 + 0.1) / 4)
    assert groups.agreement([0.5, 0.5], [0.1, 0.9]).correlation == 0.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(rows: list[tuple[int, int]]) -> None:
    first, second = [a / 5 for a, _ in rows], [b / 5 for _, b in rows]
    if len(set(first)) > 1 and len(set(second)) > 1:
        expected = stats.spearmanr(first, second).statistic
        assert groups.agreement(first, second).correlation == pytest.approx(expected)
