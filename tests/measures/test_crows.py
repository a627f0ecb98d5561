from __future__ import annotations

import numpy as np
import pytest

from counterpoise.errors import DataError
from counterpoise.measures.crows import Scored, comparison
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.names import ABS_MARGIN, SCORE, SPREAD
from counterpoise.records import Pair, PairScore, Variant


def pairs(n: int, category: str = "gender", start: int = 0) -> list[Pair]:
    return [Pair(start + i, category, "stereo", "more", "less") for i in range(n)]


def scores(margins: list[float], variant: Variant = "base", start: int = 0) -> list[PairScore]:
    return [PairScore(start + i, variant, m, 0.0, 1, 1) for i, m in enumerate(margins)]


def compare(pairs: list[Pair], base: list[PairScore], tuned: list[PairScore], seed: int = 0) -> Measures:
    return Measures(comparison(Scored(pairs, base, tuned), seed=seed))


def score(pairs: list[Pair], base: list[PairScore], tuned: list[PairScore]) -> Measure:
    return compare(pairs, base, tuned).one(SCORE)


def wins(k: int, n: int, size: float = 1.0) -> list[float]:
    """k wins first, then losses."""
    return [size] * k + [-size] * (n - k)


def test_counts_difference_and_mcnemar_by_hand() -> None:
    base = wins(14, 20)
    tuned = [-1.0] * 5 + wins(9, 14) + [1.0]  # pairs 0–4 lost, pair 19 gained
    found = score(pairs(20), scores(base), scores(tuned))
    assert found.flips == (1, 5)
    assert found.change == pytest.approx(100 * (10 - 14) / 20)
    assert found.p == pytest.approx(2 * (1 + 6) / 64)  # C(6,0) + C(6,1) of 2^6
    assert found.loss == pytest.approx(0 - 20)
    assert found.interval is not None
    assert found.interval[0] < found.change < found.interval[1]


def test_better_worse_overshoot_unclear() -> None:
    n = 1500
    sixty, fifty, forty = (scores(wins(k, n)) for k in (900, 750, 600))
    assert score(pairs(n), sixty, fifty).verdict == "better"
    assert score(pairs(n), fifty, sixty).verdict == "worse"
    # |score − 50| is the same, yet the sign flipped
    assert score(pairs(n), sixty, forty).verdict == "overshoot"
    assert score(pairs(n), sixty, sixty).verdict == "unclear"
    assert score(pairs(n), forty, sixty).verdict == "overshoot"


def test_nearer_but_past_neutral_is_an_overshoot_not_a_success() -> None:
    found = score(pairs(1500), scores(wins(975, 1500)), scores(wins(675, 1500)))  # 65 → 45
    assert found.loss == pytest.approx(-10)
    assert found.verdict == "overshoot"


def test_just_past_neutral_within_the_interval_is_better() -> None:
    found = score(pairs(1500), scores(wins(975, 1500)), scores(wins(740, 1500)))  # 65 → 49.3
    assert found.verdict == "better"


def test_categories_get_holm_adjusted_p_values() -> None:
    everything = pairs(10) + pairs(10, "age", 10)
    base = scores(wins(10, 10) + wins(10, 10))
    tuned = scores(wins(2, 10) + wins(9, 10))
    result = compare(everything, base, tuned)
    gender, age = (result.one(SCORE, group=name) for name in ("gender", "age"))
    assert gender.p == pytest.approx(2 / 256)  # 8 of 8 lost
    assert age.p == 1.0
    assert gender.holm_p == pytest.approx(4 / 256)
    assert result.one(SCORE).flips == (0, 9)
    spread = result.one(SPREAD)
    assert spread.change == pytest.approx(np.sqrt((30**2 + 40**2) / 2) - 50)
    assert spread.interval is not None
    assert -50 < spread.interval[0] < spread.change < spread.interval[1] <= 0


def test_ties_are_neither_gained_nor_lost() -> None:
    found = score(pairs(3), scores([1.0, 0.0, 1.0]), scores([0.0, 1.0, 1.0]))
    assert (found.flips, found.p) == ((0, 0), 1.0)


def test_margins_shrinking_without_a_flip_shows_in_the_margin_change() -> None:
    n = 400
    found = compare(pairs(n), scores(wins(240, n, 4.0)), scores(wins(240, n, 1.0)))
    assert found.one(SCORE).change == 0
    assert found.one(ABS_MARGIN).change == pytest.approx(-3.0)
    assert found.one(ABS_MARGIN).interval == pytest.approx((-3.0, -3.0))


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(0.2, 1, 1000)
    paired = score(pairs(1000), scores(list(base)), scores(list(base - 0.05)))
    unpaired = score(pairs(1000), scores(list(base)), scores(list(rng.permutation(base - 0.05))))
    assert paired.interval is not None and unpaired.interval is not None
    assert paired.interval[1] - paired.interval[0] < (unpaired.interval[1] - unpaired.interval[0]) / 2


def test_same_seed_same_comparison_and_missing_pairs_raise() -> None:
    base, tuned = scores(wins(12, 20)), scores(wins(10, 20))
    again = compare(pairs(20), base[::-1], tuned, seed=4)
    assert list(compare(pairs(20), base, tuned, seed=4)) == list(again)
    with pytest.raises(DataError, match="have no score: 19"):
        compare(pairs(20), base, tuned[:-1])
