"""Preferences weighed so that neither of two groups gains by being named more, or less, everywhere.

The chosen sentence of a gender pair names men about twice as often as women. A model that is pushed to all of them
alike learns the cheapest part first: women's words become rarer wherever they stand. With weights wᵢ and gᵢ = +1 where
the chosen sentence turns to the first group, −1 where it turns to the second, what all pairs have in common on this
axis is Σ wᵢ gᵢ; here it is 0, and what is left to learn is which context goes with whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoise.metrics.mentions import mentions
from counterpoise.records import Preference

LEAST = 0.1
"""The smallest share of their weight that the more frequent side keeps: with nothing against it, it is not silenced."""


def turns(preferences: Sequence[Preference], first: Sequence[str], second: Sequence[str]) -> dict[str, int]:
    """Which preferences turn from one group to the other, by id: +1 to the first, −1 to the second, 0 neither.

    Args:
        first, second: each group's terms, whole words in any case.
    """
    terms = {"first": first, "second": second}
    chosen = mentions([row.prompt + row.chosen for row in preferences], terms)
    rejected = mentions([row.prompt + row.rejected for row in preferences], terms)
    return {
        row.preference_id: _sign(
            chosen["first"][at] - rejected["first"][at] - chosen["second"][at] + rejected["second"][at]
        )
        for at, row in enumerate(preferences)
    }


def balanced(pushes: Mapping[str, float], turned: Mapping[str, int]) -> dict[str, float]:
    """The same pushes, those of the side that outweighs the other scaled down to its weight.

    >>> balanced({"a": 1.0, "b": 1.0, "c": 1.0, "d": -0.5}, {"a": -1, "b": -1, "c": 1, "d": 0})
    {'a': 0.5, 'b': 0.5, 'c': 1.0, 'd': -0.5}
    """
    effects = {name: push * turned.get(name, 0) for name, push in pushes.items()}
    up = sum(effect for effect in effects.values() if effect > 0)
    down = -sum(effect for effect in effects.values() if effect < 0)
    if up == down:
        return dict(pushes)
    heavier, share = (1, down / up) if up > down else (-1, up / down)
    scale = max(LEAST, share)
    return {name: push * scale if _sign(effects[name]) == heavier else push for name, push in pushes.items()}


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
