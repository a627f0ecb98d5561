"""The same pairs read in four ways, in the original and the revised edition, and by direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.metrics.crows import pair_margins
from counterpoise.metrics.significance import Change, change_of
from counterpoise.records import Normalisation, Pair, PairScore, Reading

READINGS: Mapping[str, tuple[Reading, Normalisation]] = {
    "summed": ("whole", "sum"),
    "mean per token": ("whole", "mean"),
    "shared tokens": ("shared", "sum"),
    "identity tokens": ("identity", "sum"),
}
"""What is compared within a pair: log p of both sentences, whole or per token; of the tokens that both have, given
what stands before them (Nangia et al. 2020); of the other tokens."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs with base and tuned scores of each, in every reading there is."""

    pairs: Sequence[Pair]
    base: Sequence[PairScore]
    tuned: Sequence[PairScore]

    def margins(self, normalisation: Normalisation, reading: Reading = "whole") -> np.ndarray:
        """Margins ``[n, 2]`` of base and tuned, nats."""
        sides = (pair_margins(self.pairs, side, normalisation, reading) for side in (self.base, self.tuned))
        return np.stack(list(sides), axis=1)


def reading_changes(scored: Scored, seed: int) -> dict[str, Change]:
    """Each reading's change from base to tuned; those that were not scored are left out."""
    present = {row.reading for row in scored.base}
    return {
        name: change_of(scored.margins(normalisation, reading), seed)
        for name, (reading, normalisation) in READINGS.items()
        if reading in present
    }


def direction_changes(scored: Scored, normalisation: Normalisation, seed: int) -> dict[str, Change]:
    """The change over the rows that show a stereotype, and over those that show its opposite."""
    margins = scored.margins(normalisation)
    directions = np.array([pair.direction for pair in scored.pairs])
    return {
        name: change_of(margins[directions == name], seed)
        for name in ("stereo", "antistereo")
        if (directions == name).any()
    }
