"""Category weights from made-up scores: as much as the base is biased, nothing below 50, little where pairs are few."""

from __future__ import annotations

from counterpoise.alignment.weights import category_weights, preference_weights
from counterpoise.metrics.crows import bias_score
from counterpoise.records import Pair, PairScore
from tests.alignment.material import TRAIN


def scored(category: str, wins: int, pairs: int, first: int) -> list[tuple[Pair, PairScore]]:
    """``pairs`` pairs of one category, of which ``wins`` prefer the stereotype."""
    return [
        (
            Pair(first + at, category, "stereo", "more", "less"),
            PairScore(first + at, "base", -9.0 if at < wins else -11.0, -10.0, 5, 5),
        )
        for at in range(pairs)
    ]


def test_weights_follow_the_bias_that_is_known() -> None:
    rows = [
        *scored("age", 48, 80, 0),  # 60 %: 10 · 80 / 100 / 10 = 0.8
        *scored("religion", 12, 20, 100),  # 60 % of few: 10 · 20 / 40 / 10 = 0.5
        *scored("gender", 79, 80, 200),  # 98.75 %: over the most
        *scored("race-color", 30, 80, 300),  # below 50: not trained
    ]
    found = category_weights(bias_score([pair for pair, _ in rows], [score for _, score in rows]))
    assert found == {"age": 0.8, "religion": 0.5, "gender": 1.5, "race-color": 0.0}


def test_preferences_weigh_what_their_category_does() -> None:
    found = preference_weights(TRAIN[:2], {"gender": 0.25})
    assert found == {TRAIN[0].preference_id: 0.25, TRAIN[1].preference_id: 0.25}
    assert set(preference_weights(TRAIN[:2], {}).values()) == {1.0}
