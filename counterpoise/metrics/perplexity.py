"""Perplexity from summed log-probabilities, and its paired change from base to tuned."""

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


@dataclass(frozen=True, slots=True)
class PerplexityChange:
    """Tuned against base on the same sentences.

    Attributes:
        base, tuned: the two perplexities.
        ratio: tuned / base; 1.02 is two per cent worse.
        interval: 95 % paired bootstrap interval of ``ratio`` over sentences.
    """

    base: Perplexity
    tuned: Perplexity
    ratio: float
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
    columns = _columns(sum_log_probs, tokens)
    samples = resampled_means(columns, seed)
    return _perplexity(columns, 0, _exp_rate(samples, 0))


def perplexity_change(
    base: Sequence[float],
    tuned: Sequence[float],
    tokens: Sequence[int],
    *,
    seed: int = 0,
) -> PerplexityChange:
    """Perplexity of base and tuned on the same sentences and the ratio with its paired interval.

    Args:
        base, tuned: summed log-probability of each sentence under each model, nats.
        tokens: tokens of each sentence.

    Raises:
        DataError: as :func:`perplexity`.
    """
    columns = np.column_stack([_columns(base, tokens)[:, 0], _columns(tuned, tokens)])
    samples = resampled_means(columns, seed)
    values = [_exp_rate(samples, column) for column in (0, 1)]
    before, after = (_perplexity(columns, column, values[column]) for column in (0, 1))
    return PerplexityChange(
        base=before,
        tuned=after,
        ratio=after.value / before.value,
        interval=percentile_interval(values[1] / values[0]),
    )


def _columns(sum_log_probs: Sequence[float], tokens: Sequence[int]) -> Floats:
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


def _exp_rate(means: Floats, column: int) -> Floats:
    """Perplexity of each row of means; the token count is the last column."""
    return np.asarray(np.exp(-means[:, column] / np.maximum(means[:, -1], 1e-12)))


def _perplexity(columns: Floats, column: int, samples: Floats) -> Perplexity:
    return Perplexity(
        sentences=len(columns),
        tokens=int(columns[:, -1].sum()),
        value=float(_exp_rate(columns.mean(axis=0, keepdims=True), column)[0]),
        interval=percentile_interval(samples),
    )
