"""Whether a swap still reads like English, by the base model's own opinion.

The per-token log-probability ratio r = log p(swapped) / n' − log p(original) / n, in nats per token, compares a
sentence with itself: what makes both rare cancels out. A stereotype makes the original likelier, so slightly
negative ratios are the rule; strongly negative ones mark swaps that no longer fit ("the priest wore a hijab").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SentenceScorer = Callable[[Sequence[str]], Sequence[tuple[float, int] | None]]
"""Texts → summed log-probability (nats) and number of scored tokens of each; ``None`` where it has no score."""


@dataclass(frozen=True, slots=True)
class Fluency:
    """The verdict on one swap.

    Attributes:
        log_ratio: nats per token; below 0 the swap is less likely than the original.
        plausible: whether the ratio reaches the threshold.
    """

    log_ratio: float
    plausible: bool


def log_ratio(original: float, original_tokens: int, swapped: float, swapped_tokens: int) -> float:
    """log p(swapped) / n' − log p(original) / n.

    Args:
        original, swapped: summed log-probabilities, nats.

    Raises:
        ValueError: a token count is not positive.

    >>> log_ratio(-30.0, 10, -36.0, 12)  # −3 nats a token, both
    0.0
    >>> log_ratio(-30.0, 10, -40.0, 10)
    -1.0
    """
    if original_tokens < 1 or swapped_tokens < 1:
        raise ValueError(f"token counts must be positive, not {original_tokens} and {swapped_tokens}")
    return swapped / swapped_tokens - original / original_tokens


def assess(
    original: tuple[float, int], swapped: tuple[float, int], min_log_ratio: float = float("-inf")
) -> Fluency:
    """The verdict on a swap from the two sentences' (summed log-probability, tokens).

    >>> assess((-30.0, 10), (-50.0, 10), min_log_ratio=-1.5)
    Fluency(log_ratio=-2.0, plausible=False)
    """
    ratio = log_ratio(*original, *swapped)
    return Fluency(ratio, ratio >= min_log_ratio)


def assess_pairs(
    pairs: Sequence[tuple[str, str] | None], score: SentenceScorer, min_log_ratio: float = float("-inf")
) -> list[Fluency | None]:
    """A verdict for each (original, swapped) pair; ``None`` for ``None`` and where a text has no score.

    Every text is scored once.
    """
    texts = sorted({text for pair in pairs if pair for text in pair})
    scores = dict(zip(texts, score(texts), strict=True)) if texts else {}
    return [_assessed(pair, scores, min_log_ratio) if pair else None for pair in pairs]


def _assessed(
    pair: tuple[str, str], scores: Mapping[str, tuple[float, int] | None], min_log_ratio: float
) -> Fluency | None:
    original, swapped = (scores[text] for text in pair)
    return assess(original, swapped, min_log_ratio) if original and swapped else None
