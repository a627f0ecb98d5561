"""Is the tuned model's CrowS-Pairs score really nearer to neutral than the base's? Paired measures.

Both models score the same pairs, so every interval resamples pairs with their two outcomes together, and the test of
change is McNemar's. McNemar asks whether the score *moved*; whether it moved *towards 50* is the bootstrap interval of
the change of |score − 50|, and moving significantly past 50 is an overshoot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from counterpoise.measures.measure import Measure, before_after
from counterpoise.measures.names import (
    ABS_MARGIN,
    IDENTITY,
    MARGIN,
    MEAN,
    PCT_STEREOTYPE,
    SCORE,
    SHARED,
    SPREAD,
    TIES,
    UNWEIGHTED,
    WHOLE,
)
from counterpoise.metrics.crows import NEUTRAL, BiasScore, bias_score, decide, pair_margins, score_subset
from counterpoise.metrics.intervals import (
    RESAMPLES,
    Floats,
    Interval,
    bootstrap_mean,
    detectable_change,
    detectable_from_half,
    holm,
    mcnemar_exact,
    percentile_interval,
)
from counterpoise.records import Normalisation, Pair, PairScore, Reading

READINGS: Mapping[str, tuple[Reading, Normalisation]] = {
    WHOLE: ("whole", "sum"),
    MEAN: ("whole", "mean"),
    SHARED: ("shared", "sum"),
    IDENTITY: ("identity", "sum"),
}
"""What is compared within a pair: log p of both sentences, whole or per token; of the tokens that both have, given
what stands before them (Nangia et al. 2020); of the other tokens."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs with base and tuned scores of each, in every reading there is."""

    pairs: Sequence[Pair]
    base: Sequence[PairScore]
    tuned: Sequence[PairScore]

    def margins(self, normalisation: Normalisation, reading: Reading = "whole") -> Floats:
        """Margins ``[n, 2]`` of base and tuned, nats (per token under ``mean``).

        Raises:
            DataError: a pair lacks a score under either model.
        """
        sides = (pair_margins(self.pairs, side, normalisation, reading) for side in (self.base, self.tuned))
        return np.stack(list(sides), axis=1)


def comparison(scored: Scored, normalisation: Normalisation = "sum", *, seed: int = 0) -> list[Measure]:
    """Everything about the same pairs before and after: all together, by category, by direction of the stereotype.

    Args:
        seed: of every bootstrap; the same inputs and seed give the same intervals.

    Raises:
        DataError: a pair lacks a score under either model.
    """
    margins = scored.margins(normalisation)
    part = partial(margin_measures, unit=_unit(normalisation), seed=seed)
    directions = _split(margins, [pair.direction for pair in scored.pairs], ("stereo", "antistereo"))
    base, tuned = (
        bias_score(scored.pairs, side, normalisation, seed=seed) for side in (scored.base, scored.tuned)
    )
    categories = _split(margins, [pair.category for pair in scored.pairs], base.by_category)
    return [
        *part(margins),
        *_over_categories(
            base, tuned, _spread_interval([decide(rows) for rows in categories.values()], seed)
        ),
        *_adjusted(row for name, rows in categories.items() for row in part(rows, group=name)),
        *(row for name, rows in directions.items() for row in part(rows, group=f"{name} rows", counts=False)),
    ]


def _split(margins: Floats, labels: Sequence[str], names: Iterable[str]) -> dict[str, Floats]:
    """The margins of each label, for the names that occur."""
    found = np.array(labels)
    return {name: margins[found == name] for name in names if name in labels}


def _over_categories(base: BiasScore, tuned: BiasScore, spread: Interval) -> Iterator[Measure]:
    n = base.n
    yield before_after(UNWEIGHTED, base.unweighted, tuned.unweighted, aim="50", unit="%", n=n)
    yield before_after(SPREAD, base.spread, tuned.spread, aim="lower", unit="points", n=n, interval=spread)
    yield before_after(PCT_STEREOTYPE, base.pct_stereotype, tuned.pct_stereotype, unit="%", n=n)


def readings(scored: Scored, prefix: str = "", without: str = "", *, seed: int = 0) -> list[Measure]:
    """The pairs in each reading that was scored, but for the one called ``without``."""
    present = {row.reading for row in scored.base}
    return [
        row
        for name, (reading, normalisation) in READINGS.items()
        if reading in present and name != without
        for row in margin_measures(
            scored.margins(normalisation, reading), by=prefix + name, unit=_unit(normalisation), seed=seed
        )
    ]


def margin_measures(
    margins: Floats, *, by: str = "", group: str = "", unit: str = "nats", counts: bool = True, seed: int = 0
) -> list[Measure]:
    """What the margins ``[n, 2]`` (base, tuned) of one set of pairs say: score, mean margin, mean |margin|, ties."""
    outcomes = decide(margins)
    base, tuned = (score_subset(margins[:, column], outcomes[:, column]) for column in (0, 1))
    where: dict[str, Any] = {"by": by, "group": group, "n": base.n}
    weaker = bootstrap_mean(np.abs(margins[:, 1]) - np.abs(margins[:, 0]), seed)
    return [
        replace(score_measure(margins, by=by, group=group, seed=seed), counts=counts),
        before_after(MARGIN, base.mean_margin, tuned.mean_margin, unit=unit, **where),
        before_after(
            ABS_MARGIN,
            base.mean_abs_margin,
            tuned.mean_abs_margin,
            aim="lower",
            unit=unit,
            interval=weaker,
            counts=counts and not (by or group),
            **where,
        ),
        before_after(TIES, base.ties, tuned.ties, unit="pairs", **where),
    ]


def score_measure(margins: Floats, *, by: str = "", group: str = "", seed: int = 0) -> Measure:
    """The score before and after, from margins ``[n, 2]`` over the same pairs."""
    outcomes = decide(margins)
    base, tuned = (score_subset(margins[:, column], outcomes[:, column]) for column in (0, 1))
    gained = int(((outcomes[:, 0] < 0) & (outcomes[:, 1] > 0)).sum())
    lost = int(((outcomes[:, 0] > 0) & (outcomes[:, 1] < 0)).sum())
    scores = _resampled_scores(outcomes, np.random.default_rng(seed))
    distances = np.abs(scores - NEUTRAL)
    return Measure(
        name=SCORE,
        by=by,
        group=group,
        unit="%",
        aim="50",
        base=base.score,
        tuned=tuned.score,
        change=tuned.score - base.score,
        n=base.n,
        interval=percentile_interval(scores[:, 1] - scores[:, 0]),
        base_interval=base.interval,
        tuned_interval=tuned.interval,
        distance_interval=percentile_interval(distances[:, 1] - distances[:, 0]),
        p=mcnemar_exact(gained, lost),
        flips=(gained, lost),
    )


def adjust(measures: Sequence[Measure]) -> list[Measure]:
    """The measures with their p-values adjusted for how many of them there are (Holm 1979)."""
    found = holm({str(at): row.adjusted_p for at, row in enumerate(measures)})
    return [replace(row, holm_p=found[str(at)]) for at, row in enumerate(measures)]


def detectable(measure: Measure) -> float:
    """Smallest change of a score that its pairs reveal with power 0.8 at the discordance seen, percentage points."""
    return 100 * detectable_change(measure.n, sum(measure.flips or (0, 0)) / measure.n)


def detectable_distance(measure: Measure) -> float:
    """Smallest |score − 50| that so many pairs reveal with power 0.8, percentage points."""
    return 100 * detectable_from_half(measure.n)


def _adjusted(rows: Iterable[Measure]) -> Iterator[Measure]:
    rows = list(rows)
    scores = iter(adjust([row for row in rows if row.name == SCORE]))
    yield from (next(scores) if row.name == SCORE else row for row in rows)


def _unit(normalisation: Normalisation) -> str:
    return "nats" if normalisation == "sum" else "nats per token"


def _spread_interval(outcomes: Sequence[Floats], seed: int) -> Interval:
    """Bootstrap interval of the change of the spread, from each category's outcomes ``[n, 2]``."""
    rng = np.random.default_rng(seed)
    distances = np.stack([_resampled_scores(category, rng) - NEUTRAL for category in outcomes])
    spreads = np.sqrt((distances**2).mean(axis=0))
    return percentile_interval(spreads[:, 1] - spreads[:, 0])


def _resampled_scores(outcomes: Floats, rng: np.random.Generator) -> Floats:
    """Bootstrap scores of both models, percent ``[resamples, 2]``, from outcomes ``[n, 2]``.

    Resampling n pairs and counting their joint outcomes is a multinomial draw, so that is what is drawn.
    """
    joint, counts = np.unique(outcomes, axis=0, return_counts=True)
    draws = rng.multinomial(len(outcomes), counts / len(outcomes), size=RESAMPLES)
    wins, decided = draws @ (joint > 0), draws @ (joint != 0)
    return np.where(decided > 0, 100 * wins / np.maximum(decided, 1), NEUTRAL)
