"""Perplexity from summed log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.errors import DataError
from counterpoise.metrics.intervals import (
    Floats,
    Interval,
    percentile_interval,
    resampled_means,
)


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Corpus perplexity.

    Attributes:
        sentences, tokens: how much text it is over.
        value: exp(−Σ log p / Σ tokens), per token of this model's own tokenizer.
        interval: 95 % bootstrap interval over sentences.
    """

    sentences: int
    tokens: int
    value: float
    interval: Interval


def perplexity(sum_log_probs: Sequence[float], tokens: Sequence[int], *, seed: int = 0) -> Perplexity:
    """Perplexity exp(−Σ log p / Σ tokens) of a set of sentences (Jelinek et al. 1977).

    Longer sentences weigh more, as in one long text. Comparable only between models with one tokenizer and
    one prefix.

    Args:
        sum_log_probs: summed natural-log probability of each sentence, nats.
        tokens: how many tokens each sum is over; a sentence of 0 tokens adds nothing.

    Raises:
        DataError: lengths differ, no token, or a value that is not finite.
    """
    columns = columns_of(sum_log_probs, tokens)
    samples = resampled_means(columns, seed)
    return Perplexity(
        sentences=len(columns),
        tokens=int(columns[:, -1].sum()),
        value=float(exp_rate(columns.mean(axis=0, keepdims=True), 0)[0]),
        interval=percentile_interval(exp_rate(samples, 0)),
    )


def columns_of(sum_log_probs: Sequence[float], tokens: Sequence[int]) -> Floats:
    """``[n, 2]``: log-probability, tokens."""
    if len(sum_log_probs) != len(tokens):
        raise DataError(
            f"{len(sum_log_probs)} log-probabilities for {len(tokens)} token counts",
            "pass one of each a sentence",
        )
    if sum(tokens) < 1:
        raise DataError("perplexity needs at least one scored token, got none", "pass non-empty sentences")
    if not all(map(math.isfinite, sum_log_probs)):
        raise DataError("a sentence has a log-probability that is not finite", "score at a higher precision")
    return np.column_stack(
        [np.asarray(sum_log_probs, dtype=np.float64), np.asarray(tokens, dtype=np.float64)]
    )


def exp_rate(means: Floats, column: int) -> Floats:
    """Perplexity of each row of means; the token count is the last column."""
    return np.asarray(np.exp(-means[:, column] / np.maximum(means[:, -1], 1e-12)))
