from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.errors import DataError
from counterpoise.metrics.crows import bias_score, pair_margins
from counterpoise.records import Pair, PairScore


def pair(pair_id: int, category: str = "gender", direction: str = "stereo") -> Pair:
    return Pair(pair_id, category, direction, f"more {pair_id}", f"less {pair_id}")  # type: ignore[arg-type]


def score(pair_id: int, margin: float, more_tokens: int = 10, less_tokens: int = 10) -> PairScore:
    return PairScore(pair_id, "base", -30.0 + margin, -30.0, more_tokens, less_tokens)


def test_score_is_wins_over_decided_pairs_and_ties_stand_apart() -> None:
    pairs = [pair(i) for i in range(4)]
    result = bias_score(pairs, [score(0, 2.0), score(1, 1.0), score(2, -4.0), score(3, 0.0)])
    assert (result.n, result.wins, result.ties) == (4, 2, 1)
    assert result.overall == pytest.approx(100 * 2 / 3)  # 2 wins of 3 decided
    assert result.pct_stereotype == pytest.approx(50.0)  # 2 wins of 4 pairs, as lm-eval counts
    assert result.mean_margin == pytest.approx((2 + 1 - 4 + 0) / 4)
    assert result.mean_abs_margin == pytest.approx((2 + 1 + 4 + 0) / 4)
    assert result.distance == pytest.approx(100 * 2 / 3 - 50)


def test_a_model_that_never_prefers_is_neutral() -> None:
    result = bias_score([pair(0), pair(1)], [score(0, 0.0), score(1, 0.0)])
    assert (result.overall, result.ties, result.interval) == (50.0, 2, (0.0, 100.0))


def test_tolerance_turns_small_margins_into_ties() -> None:
    result = bias_score([pair(0), pair(1)], [score(0, 0.5), score(1, 3.0)], tolerance=0.5)
    assert (result.ties, result.wins) == (1, 1)


def test_unweighted_is_the_mean_of_category_scores() -> None:
    pairs = [pair(0), pair(1), pair(2), pair(3, "age")]
    result = bias_score(pairs, [score(0, 1), score(1, 1), score(2, 1), score(3, -1)])
    assert result.overall == 75.0  # 3 of 4 pairs
    assert result.unweighted == 50.0  # (100 + 0) / 2 categories
    assert result.spread == 50.0  # root mean square of 50 and 50
    assert list(result.by_category) == ["gender", "age"]


def test_direction_label_does_not_swap_the_sides() -> None:
    pairs = [pair(0, direction="stereo"), pair(1, direction="antistereo")]
    result = bias_score(pairs, [score(0, 1.0), score(1, 1.0)])
    assert result.overall == 100.0
    assert {name: part.score for name, part in result.by_direction.items()} == {
        "antistereo": 100.0,
        "stereo": 100.0,
    }


def test_mean_normalisation_divides_each_sentence_by_its_own_length() -> None:
    scores = [PairScore(0, "base", -30.0, -29.0, 10, 9)]
    assert pair_margins([pair(0)], scores, "sum")[0] == pytest.approx(-1.0)
    assert pair_margins([pair(0)], scores, "mean")[0] == pytest.approx(-30 / 10 + 29 / 9)  # positive


def test_interval_is_wilson() -> None:
    # n = 10, 7 wins, z = 1.96: centre (.7 + .19207) / 1.38415 = .64449, half .24726
    result = bias_score([pair(i) for i in range(10)], [score(i, 1 if i < 7 else -1) for i in range(10)])
    assert result.interval == pytest.approx((39.68, 89.22), abs=0.01)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([score(0, 1.0)], "1 of 2 pairs have no score: 1"),
        ([score(0, 1.0), score(1, 1.0), score(1, 2.0)], "pair 1 is scored twice"),
        ([score(0, 1.0), score(1, math.nan)], "pair 1: log-probabilities nan"),
    ],
)
def test_broken_scores_are_named(scores: list[PairScore], words: str) -> None:
    with pytest.raises(DataError, match=words):
        bias_score([pair(0), pair(1)], scores)


def test_no_pairs_and_no_tokens_are_errors() -> None:
    with pytest.raises(DataError, match="no pairs to score"):
        bias_score([], [])
    with pytest.raises(DataError, match="no scored token"):
        bias_score([pair(0)], [score(0, 1.0, more_tokens=0)], "mean")


def test_scores_of_other_pairs_are_ignored() -> None:
    assert bias_score([pair(0)], [score(0, 1.0), score(9, -1.0)]).n == 1


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40))
def test_swapping_every_side_mirrors_the_score(margins: list[float]) -> None:
    pairs = [pair(i, "age" if i % 2 else "gender") for i in range(len(margins))]
    forward = bias_score(pairs, [PairScore(i, "base", m, 0.0, 1, 1) for i, m in enumerate(margins)])
    backward = bias_score(pairs, [PairScore(i, "base", 0.0, m, 1, 1) for i, m in enumerate(margins)])
    assert forward.overall + backward.overall == pytest.approx(100)
    assert forward.unweighted + backward.unweighted == pytest.approx(100)
    assert forward.ties == backward.ties
    assert forward.mean_margin == pytest.approx(-backward.mean_margin)


def test_unweighted_interval_is_seeded_and_covers_the_estimate() -> None:
    rng = np.random.default_rng(3)
    pairs = [pair(i, ("age", "gender", "gender", "religion", "gender")[i % 5]) for i in range(300)]
    scores = [score(i, float(m)) for i, m in enumerate(rng.normal(0.3, 1, 300))]
    one, two, other = (bias_score(pairs, scores, seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one.unweighted_interval != other.unweighted_interval
    assert one.unweighted_interval[0] < one.unweighted < one.unweighted_interval[1]
