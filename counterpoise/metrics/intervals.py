"""Uncertainty of proportions and means: Wilson, the bootstrap, McNemar, Holm, detectable differences.

Proportions and p-values are 0 to 1 here; the scores built on them are percentages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from counterpoise.errors import DataError

Interval = tuple[float, float]
"""Lower and upper end of a confidence interval."""

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 10_000
_BLOCK_CELLS = 4_000_000
"""Resampled cells held at once: bounds the bootstrap's memory near 64 MB whatever the sample size."""


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a binomial proportion (Wilson 1927), proportions.

    Unlike the normal approximation it keeps its coverage for small n and near 0 and 1.
    With ``n`` = 0 nothing is known: (0, 1).
    """
    if not 0 <= successes <= n:
        raise DataError(f"successes = {successes} must lie between 0 and n = {n}", "count both over one set")
    if n == 0:
        return (0.0, 1.0)
    z = normal_quantile(confidence)
    p = successes / n
    denominator = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / denominator
    half = z / denominator * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))


def normal_quantile(confidence: float) -> float:
    """Two-sided standard-normal quantile: 1.96 for 0.95."""
    return _normal_ppf(0.5 + confidence / 2)


def resampled_means(columns: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Column means of ``resamples`` samples of rows drawn with replacement (Efron 1979).

    Every column of a sample uses the same rows: that is what makes a comparison of two columns paired.

    Args:
        columns: ``[n, k]`` observations, one row an independent unit (a pair, a sentence, a prompt).
        seed: seed of the generator; the same seed gives the same samples.

    Returns:
        ``[resamples, k]`` means.
    """
    n, k = columns.shape
    if n == 0:
        raise DataError("a bootstrap needs at least one observation, got none", "check the selection of rows")
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, k))
    block = max(1, _BLOCK_CELLS // n)
    for start in range(0, resamples, block):
        rows = rng.integers(0, n, size=(min(block, resamples - start), n))
        for column in range(k):
            means[start : start + len(rows), column] = columns[:, column][rows].mean(axis=1)
    return means


def percentile_interval(samples: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The central ``confidence`` share of bootstrap ``samples`` (percentile method, Efron 1979)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return (float(low), float(high))


def bootstrap_mean(
    values: Sequence[float] | Floats, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """Percentile bootstrap interval of the mean of ``values``, in their own unit."""
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    return percentile_interval(resampled_means(column, seed, resamples)[:, 0], confidence)


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided exact McNemar p-value (McNemar 1947): a binomial test of the discordant units at 1/2.

    Args:
        gained: units that changed one way (first no, then yes).
        lost: units that changed the other way.

    Returns:
        The p-value; 1.0 when nothing changed.
    """
    if gained < 0 or lost < 0:
        raise DataError(f"discordant counts {gained} and {lost} must not be negative", "count units")
    if gained + lost == 0:
        return 1.0
    from scipy.stats import binomtest  # noqa: PLC0415  # a second of imports that planning does not need

    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given.

    Rejecting where the adjusted value is below alpha bounds the chance of any false rejection by alpha,
    whatever the dependence between the tests.
    """
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, name in enumerate(ordered):
        running = max(running, min(1.0, (len(ordered) - rank) * p_values[name]))
        adjusted[name] = running
    return {name: adjusted[name] for name in p_values}


def detectable_from_half(n: int, power: float = 0.8, confidence: float = CONFIDENCE) -> float:
    """Smallest distance of a proportion from 1/2 that ``n`` units detect with probability ``power``.

    Two-sided one-sample test, normal approximation at p = 1/2: (z_alpha + z_power) / (2 sqrt(n)).
    Capped at 1/2, the largest distance there is; ``n`` = 0 detects nothing and gives 1/2.
    """
    if n == 0:
        return 0.5
    z = normal_quantile(confidence) + _normal_ppf(power)
    return min(0.5, z / (2 * math.sqrt(n)))


def detectable_change(
    n: int, discordant_share: float, power: float = 0.8, confidence: float = CONFIDENCE
) -> float:
    """Smallest change of a paired proportion that McNemar's test detects with probability ``power``.

    Connor (1987): n = (z_alpha sqrt(d) + z_power sqrt(d - delta²))² / delta² solved for delta, where d is the
    share of units whose outcome differs between the two runs. Delta cannot exceed d: where even that
    would go undetected, d itself is returned.
    """
    if n == 0 or discordant_share <= 0:
        return discordant_share
    z_alpha, z_power, d = normal_quantile(confidence), _normal_ppf(power), discordant_share
    low, high = 0.0, d
    for _ in range(60):
        delta = (low + high) / 2
        needed = (z_alpha * math.sqrt(d) + z_power * math.sqrt(max(0.0, d - delta * delta))) ** 2
        low, high = (low, delta) if n * delta * delta >= needed else (delta, high)
    return high


def _normal_ppf(probability: float) -> float:
    """The value below which a standard-normal draw lies with ``probability``."""
    from scipy.stats import norm  # noqa: PLC0415  # as above

    return float(norm.ppf(probability))
