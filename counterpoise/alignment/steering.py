"""How hard each category is pushed: in proportion to the bias that is still measured in it.

DPO pushes every pair in one direction for as long as it is trained. CrowS-Pairs' categories start at different
places (a base may be at 50 in one and at 76 in another) and move together, so a push that brings the whole to 50
carries those that were neutral past it. Here every probe measures what is left and sets the next pushes:

    bias(c)  = base score(c) − 50 + shift(c)          points; of pairs outside the evaluated fold
    push(c)  = clip(bias(c) / full_push, −max_push_back, max_push)

The push is the weight of c's preferences; below 0 they are swapped, and gently: a category that others carried past 50
comes back with them, and a hard push back swings all of them.

The base's score is taken from all pairs outside the evaluated fold: training never touches the base. The shift is
the paired change of the soft score on the validation pairs, which nothing is trained on. Small categories know
little about themselves: their base bias counts n / (n + 20), and their shift is drawn to the shift of all pairs
as by 12 further pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from counterpoise.alignment.config import LossSettings


LEVEL_PRIOR, SHIFT_PRIOR = 20, 12


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins log p(more) − log p(less) of some pairs, ``[pairs]``, nats, and the pairs' categories."""

    categories: tuple[str, ...]
    values: Tensor

    def by_category(self) -> dict[str, Tensor]:
        """The margins of each category, in order of first appearance."""
        names = dict.fromkeys(self.categories)
        return {
            name: self.values[torch.tensor([category == name for category in self.categories])]
            for name in names
        }


@dataclass(frozen=True, slots=True)
class CategoryBias:
    """What a probe found left in one category, and the push that follows from it.

    Attributes:
        step: optimiser steps done.
        category: the category.
        bias: estimated score − 50 of pairs outside the evaluated fold, points.
        push: weight of its preferences until the next probe; below 0 they are turned round.
    """

    step: int
    category: str
    bias: float
    push: float


def score(margins: Tensor) -> float:
    """Percent of margins ``[pairs]`` above zero; ties are left out, and only ties count as 50."""
    wins, losses = int((margins > 0).sum()), int((margins < 0).sum())
    return 100 * wins / (wins + losses) if wins + losses else 50.0


def soft_score(margins: Tensor, temperature: float) -> float:
    """100 × mean sigmoid(margin / temperature) of margins ``[pairs]`` in nats, percent."""
    return 100 * float(torch.sigmoid(margins / temperature).mean())


def base_bias(base: Margins) -> dict[str, float]:
    """Points by which each category's base score lies above 50, drawn to 0 where pairs are few."""
    return {
        name: (score(values) - 50) * len(values) / (len(values) + LEVEL_PRIOR)
        for name, values in base.by_category().items()
    }


def shifts(before: Margins, now: Tensor, temperature: float) -> dict[str, float]:
    """Points by which each category's soft score moved, drawn to the move of all pairs where pairs are few."""
    moved = 100 * (torch.sigmoid(now / temperature) - torch.sigmoid(before.values / temperature))
    overall = float(moved.mean())
    by_category = Margins(before.categories, moved).by_category()
    return {
        name: (float(values.sum()) + SHIFT_PRIOR * overall) / (len(values) + SHIFT_PRIOR)
        for name, values in by_category.items()
    } | {"": overall}


def remaining(
    step: int, base: Mapping[str, float], moved: Mapping[str, float], settings: LossSettings
) -> tuple[CategoryBias, ...]:
    """Each category's remaining bias and its push; one without validation pairs moves as all do.

    Args:
        base: :func:`base_bias`; moved: :func:`shifts`.
        settings: ``full_push``, ``max_push`` and ``max_push_back``.
    """
    least, most = -settings.max_push_back, settings.max_push
    biases = {name: value + moved.get(name, moved[""]) for name, value in base.items()}
    return tuple(
        CategoryBias(step, name, bias, max(least, min(most, bias / settings.full_push)))
        for name, bias in sorted(biases.items())
    )


def pushes(found: Sequence[CategoryBias]) -> dict[str, float]:
    """The push of each category by the last probe in ``found``; empty before the first."""
    last = max((row.step for row in found), default=0)
    return {row.category: row.push for row in found if row.step == last}
