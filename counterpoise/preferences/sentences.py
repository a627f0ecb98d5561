"""Which sentences the filter needs a toxicity for."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Counterfactual


def sentences(pairs: Sequence[FoldedPair], swaps: Sequence[Counterfactual]) -> list[str]:
    """Every distinct sentence whose toxicity the filter needs, sorted."""
    texts = {text for item in pairs for text in (item.more, item.less)}
    return sorted(texts | {swap.swapped for swap in swaps})
