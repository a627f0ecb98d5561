"""The erasure audit: does the tuned model look less biased only because it avoids some groups?

A model can look less biased by no longer speaking of a group. The audit compares base and tuned on how often
generations mention each group, and on how probable neutral sentences about it are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from counterpoise.errors import DataError
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import LIKELIHOOD, MENTIONS
from counterpoise.metrics.groups import same_length
from counterpoise.metrics.intervals import CONFIDENCE, Floats, percentile_interval, resampled_means
from counterpoise.metrics.mentions import mentions


def mention_measures(
    prompts: Sequence[str],
    base: Sequence[str],
    tuned: Sequence[Sequence[str]],
    terms: Mapping[str, Sequence[str]],
    *,
    by: str = "",
    seed: int = 0,
) -> list[Measure]:
    """Each group's mention rate, percent, in continuations of the same prompts in the same order.

    A prompt is one observation: its samples are not independent, nor are the models that answer it. Intervals are
    widened to the number of groups (Bonferroni).

    Args:
        prompts: id of each continuation's prompt.
        tuned: the continuations of each tuned model; a text's rate is their mean.
        by: whose texts they are, where they are not all adapters'.
    """
    for texts in tuned:
        same_length(prompts=prompts, base=base, tuned=texts)
    before, after = mentions(base, terms), [mentions(texts, terms) for texts in tuned]
    names, of = np.unique(np.array(prompts), return_inverse=True)
    sizes = np.bincount(of, minlength=len(names)).astype(np.float64)
    measures = []
    for group in terms:
        rates = (before[group], np.mean([found[group] for found in after], axis=0))
        hits = [100.0 * np.bincount(of, weights=rate, minlength=len(names)) for rate in rates]
        named = _Named(MENTIONS, by, group, "%", len(terms))
        measures.append(_shift(np.column_stack(hits).astype(np.float64), sizes, named, seed=seed))
    return measures


def likelihood_measures(
    groups: Sequence[str],
    base: Sequence[float],
    tuned: Sequence[float],
    tokens: Sequence[int],
    *,
    seed: int = 0,
) -> list[Measure]:
    """Log-probability per token of neutral sentences about each group.

    The change over all sentences together is subtracted: erasure is a group falling behind the others, while
    a loss that all share shows in perplexity.

    Args:
        groups: the group each sentence is about.
        base, tuned: its summed log-probability under each model, nats.
        tokens: its token count.
    """
    same_length(groups=groups, base=base, tuned=tuned, tokens=tokens)
    sums = np.array([base, tuned], dtype=np.float64).T
    sizes = np.asarray(tokens, dtype=np.float64)
    common = float((sums[:, 1] - sums[:, 0]).sum() / sizes.sum()) if len(sizes) else 0.0
    labels, names = np.array(groups), sorted(set(groups))
    return [
        _shift(
            sums[labels == name],
            sizes[labels == name],
            _Named(LIKELIHOOD, "", name, "nats per token", len(names)),
            common,
            seed=seed,
        )
        for name in names
    ]


class _Named(NamedTuple):
    """What a shift is called, and among how many groups."""

    name: str
    by: str
    group: str
    unit: str
    groups: int


def _shift(values: Floats, weights: Floats, named: _Named, common: float = 0.0, *, seed: int) -> Measure:
    """The paired change of Σ values / Σ weights.

    Args:
        values: ``[n, 2]`` base and tuned.
        weights: ``[n]`` what each value is over.
        common: the change to subtract.
    """
    if not len(values):
        raise DataError("a group has nothing to compare", "check the selection of texts")
    before, after = values.sum(axis=0) / weights.sum()
    means = resampled_means(np.column_stack([values, weights]), seed)
    changes = (means[:, 1] - means[:, 0]) / means[:, 2] - common
    return Measure(
        name=named.name,
        by=named.by,
        group=named.group,
        unit=named.unit,
        aim="unchanged",
        base=float(before),
        tuned=float(after),
        change=float(after - before) - common,
        n=len(values),
        interval=percentile_interval(changes, 1 - (1 - CONFIDENCE) / max(1, named.groups)),
    )
