"""Perplexity of neutral text before and after, and the divergence from the base on what it writes itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterpoise.measures.measure import Measure
from counterpoise.measures.names import OWN_TEXT_KL, PERPLEXITY
from counterpoise.metrics.intervals import percentile_interval, resampled_means
from counterpoise.metrics.perplexity import columns_of, exp_rate


def perplexity_measure(
    base: Sequence[float], tuned: Sequence[float], tokens: Sequence[int], *, seed: int = 0
) -> Measure:
    """Perplexity of base and tuned on the same sentences; ``change`` is their ratio as a rise in percent.

    Args:
        base, tuned: summed log-probability of each sentence under each model, nats.
        tokens: tokens of each sentence.

    Raises:
        DataError: as :func:`counterpoise.metrics.perplexity.perplexity`.
    """
    columns = np.column_stack([columns_of(base, tokens)[:, 0], columns_of(tuned, tokens)])
    samples = resampled_means(columns, seed)
    whole = columns.mean(axis=0, keepdims=True)
    before, after = (float(exp_rate(whole, column)[0]) for column in (0, 1))
    first, second = (exp_rate(samples, column) for column in (0, 1))
    return Measure(
        name=PERPLEXITY,
        unit="per token",
        aim="lower",
        base=before,
        tuned=after,
        change=100 * (after / before - 1),
        relative=True,
        n=len(columns),
        interval=percentile_interval(100 * (second / first - 1)),
        base_interval=percentile_interval(first),
        tuned_interval=percentile_interval(second),
    )


def divergence_measure(nats: Sequence[float], tokens: Sequence[int], *, seed: int = 0) -> Measure:
    """KL(base ‖ tuned) on text that the base wrote, a token; the base's from itself is 0.

    Args:
        nats: divergence on each text, summed over its tokens.
        tokens: tokens of each text.

    Raises:
        DataError: as :func:`counterpoise.metrics.perplexity.perplexity`.
    """
    columns = columns_of(nats, tokens)
    samples = resampled_means(columns, seed)
    found = float(columns[:, 0].sum() / columns[:, 1].sum())
    interval = percentile_interval(samples[:, 0] / samples[:, 1])
    return Measure(
        name=OWN_TEXT_KL,
        unit="nats per token",
        aim="lower",
        base=0.0,
        tuned=found,
        change=found,
        n=len(columns),
        interval=interval,
        tuned_interval=interval,
    )
