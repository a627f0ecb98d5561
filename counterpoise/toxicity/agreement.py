"""How far two toxicity classifiers agree on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.errors import DataError

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two classifiers on the same texts.

    Attributes:
        texts: how many.
        differing: texts that one calls toxic (score ≥ threshold) and the other doesn't.
        first_toxic, second_toxic: texts that each calls toxic.
        kappa: Cohen's κ of the two decisions, -1 to 1, 0 = as by chance; None if both always decide alike.
        rank_correlation: Spearman's ρ of the scores, -1 to 1; None if one of them is constant.
    """

    texts: int
    differing: int
    first_toxic: int
    second_toxic: int
    kappa: float | None
    rank_correlation: float | None

    @property
    def differing_share(self) -> float:
        """Share of the texts on which the decisions differ, 0 to 1."""
        return self.differing / self.texts


def agreement(first: Sequence[float], second: Sequence[float], *, threshold: float = THRESHOLD) -> Agreement:
    """Compares two lists of scores of the same texts, in the same order.

    κ = (p_o - p_e) / (1 - p_e), Cohen 1960, eq. 1, with p_e from each classifier's own share of toxic texts.

    Raises:
        DataError: no texts, or lists of different length.
    """
    if not first or len(first) != len(second):
        raise DataError(
            f"cannot compare {len(first)} with {len(second)} scores", "score the same texts with both"
        )
    decisions = [(a >= threshold, b >= threshold) for a, b in zip(first, second, strict=True)]
    count = len(decisions)
    differing = sum(a != b for a, b in decisions)
    share_a, share_b = (sum(pair[side] for pair in decisions) / count for side in (0, 1))
    expected = share_a * share_b + (1 - share_a) * (1 - share_b)
    return Agreement(
        texts=count,
        differing=differing,
        first_toxic=round(share_a * count),
        second_toxic=round(share_b * count),
        kappa=None if expected == 1 else (1 - differing / count - expected) / (1 - expected),
        rank_correlation=_spearman(first, second),
    )


def _spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(set(first)) == 1 or len(set(second)) == 1:
        return None
    from scipy.stats import spearmanr  # noqa: PLC0415 - half a second

    return float(spearmanr(first, second).statistic)
