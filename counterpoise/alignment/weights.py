"""How much each category's preferences weigh: in proportion to the bias that the base shows in it.

Categories start at different places (a base may be at 50 in one and at 76 in another) and move together, so preferences
that weigh alike carry a neutral category past 50. The base's bias is known before training:

    bias(c)   = (score(c) − 50) · n / (n + 20)      points; of pairs outside the evaluated fold
    weight(c) = clip(bias(c) / 10, 0, 1.5)

Small categories know little about themselves, so theirs is drawn to 0. A category below 50 is not trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoise.metrics.crows import BiasScore
from counterpoise.records import Preference

PRIOR_PAIRS = 20
FULL_BIAS = 10.0
"""Bias of a category whose preferences weigh 1, points from 50."""
MAX_WEIGHT = 1.5


def category_weights(base: BiasScore) -> dict[str, float]:
    """Each category's weight, from the base's score on pairs outside the evaluated fold."""
    return {name: _weight(part.score - 50, part.n) for name, part in base.by_category.items()}


def _weight(bias: float, pairs: int) -> float:
    """The weight of a category ``bias`` points above 50.

    >>> _weight(20.0, 60), _weight(-3.0, 200), _weight(30.0, 80)
    (1.5, 0.0, 1.5)
    >>> _weight(8.0, 60)
    0.6
    """
    return round(min(MAX_WEIGHT, max(0.0, bias * pairs / (pairs + PRIOR_PAIRS) / FULL_BIAS)), 6)


def preference_weights(rows: Sequence[Preference], by_category: Mapping[str, float]) -> dict[str, float]:
    """Each preference's weight, by its id; 1 where nothing is known of its category."""
    return {row.preference_id: by_category.get(row.category, 1.0) for row in rows}
