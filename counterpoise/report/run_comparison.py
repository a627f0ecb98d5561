"""Two runs' tuned models against each other, over what both of them scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.evaluation.changes import StereoSetChange, stereoset_changes
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.metrics.perplexity import PerplexityChange, perplexity_change
from counterpoise.metrics.significance import Change, Comparison, compare
from counterpoise.neutral.records import Capability
from counterpoise.records import Normalisation, Pair, PairScore
from counterpoise.report.words import interval, number, p_value, plain, signed

Sentence = tuple[str, str]
"""Both sentences of a pair: what identifies it, whatever its row number."""


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What one run measured of its tuned models.

    Attributes:
        pairs: every pair of the run.
        scores: held-out scores; base and other readings may be among them.
        neutral: id → text of the neutral sentences.
        capability, benchmarks: as in the run's tables.
        measured_as: prefix, precision and normalisation: numbers compare only where these agree.
    """

    pairs: Sequence[Pair]
    scores: Sequence[PairScore]
    neutral: Mapping[int, str]
    capability: Sequence[Capability]
    benchmarks: Sequence[BenchmarkScore]
    measured_as: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The second run's tuned model against the first one's; a part is None where they share nothing.

    Attributes:
        cautions: why the numbers may not be comparable.
    """

    scores: Comparison | None
    perplexity: PerplexityChange | None
    stereoset: StereoSetChange | None
    cautions: tuple[str, ...]


def compare_runs(
    first: RunEvidence, second: RunEvidence, normalisation: Normalisation, *, seed: int = 0
) -> RunComparison:
    """Paired tests over the pairs, neutral sentences and StereoSet examples that both runs scored."""
    cautions = [
        f"{name} differs: {value} against {second.measured_as.get(name)}"
        for name, value in first.measured_as.items()
        if second.measured_as.get(name) != value
    ]
    stereoset = stereoset_changes(
        [*_as(first.benchmarks, "base"), *_as(second.benchmarks, "tuned")], seed=seed
    ).get("all")
    return RunComparison(
        scores=_scores(first, second, normalisation, seed),
        perplexity=_perplexity(first, second, seed),
        stereoset=stereoset,
        cautions=tuple(cautions),
    )


def lines(found: RunComparison) -> list[str]:
    """What was found, a line each, for a terminal."""
    text = [f"caution: {caution}; the two are not comparable" for caution in found.cautions]
    if found.scores is None:
        text.append("the runs share no scored pair")
    else:
        text += _score_lines(found.scores)
    if found.perplexity:
        low, high = (100 * (end - 1) for end in found.perplexity.interval)
        text.append(
            f"neutral perplexity {number(found.perplexity.base.value, 2)} → "
            f"{number(found.perplexity.tuned.value, 2)} ({signed(100 * (found.perplexity.ratio - 1))} %, "
            f"95 % {interval(low, high)})"
        )
    if found.stereoset:
        lms = found.stereoset.lms
        text.append(
            f"StereoSet LMS {number(lms.base)} → {number(lms.tuned)} (95 % of the change {interval(*lms.interval)})"
        )
    return [plain(line) for line in text]


def to_json(found: RunComparison) -> dict[str, Any]:
    """The same for scripts; percentages 0 to 100, margins in nats."""
    scores, perplexity, stereoset = found.scores, found.perplexity, found.stereoset
    return {
        "cautions": list(found.cautions),
        "scores": None
        if scores is None
        else _change(scores.overall)
        | {"by_category": {name: _change(change) for name, change in scores.by_category.items()}},
        "perplexity": None
        if perplexity is None
        else {
            "first": perplexity.base.value,
            "second": perplexity.tuned.value,
            "ratio": perplexity.ratio,
            "interval": list(perplexity.interval),
        },
        "lms": None
        if stereoset is None
        else {
            "first": stereoset.lms.base,
            "second": stereoset.lms.tuned,
            "interval": list(stereoset.lms.interval),
        },
    }


def _scores(
    first: RunEvidence, second: RunEvidence, normalisation: Normalisation, seed: int
) -> Comparison | None:
    before, after = _tuned(first), _tuned(second)
    pairs = [pair for pair in first.pairs if _key(pair) in before and _key(pair) in after]
    if not pairs:
        return None
    base, tuned = (
        [replace(scored[_key(pair)], pair_id=pair.pair_id) for pair in pairs] for scored in (before, after)
    )
    return compare(pairs, base, tuned, normalisation, seed=seed)


def _tuned(evidence: RunEvidence) -> dict[Sentence, PairScore]:
    by_id = {pair.pair_id: pair for pair in evidence.pairs}
    return {
        _key(by_id[row.pair_id]): row
        for row in evidence.scores
        if row.variant == "tuned" and row.reading == "whole" and row.pair_id in by_id
    }


def _key(pair: Pair) -> Sentence:
    return pair.more, pair.less


def _perplexity(first: RunEvidence, second: RunEvidence, seed: int) -> PerplexityChange | None:
    before, after = _sentences(first), _sentences(second)
    texts = sorted(before.keys() & after.keys())
    if not texts:
        return None
    tokens = [before[text][1] for text in texts]
    return perplexity_change(
        [before[text][0] for text in texts], [after[text][0] for text in texts], tokens, seed=seed
    )


def _sentences(evidence: RunEvidence) -> dict[str, tuple[float, int]]:
    """Text → mean log-probability over the run's adapters, and its tokens."""
    found: dict[str, list[Capability]] = defaultdict(list)
    for row in evidence.capability:
        if row.variant == "tuned" and row.text_id in evidence.neutral:
            found[evidence.neutral[row.text_id]].append(row)
    return {
        text: (sum(row.log_prob for row in rows) / len(rows), rows[0].tokens) for text, rows in found.items()
    }


def _as(rows: Iterable[BenchmarkScore], variant: Any) -> list[BenchmarkScore]:
    return [replace(row, variant=variant) for row in rows if row.variant == "tuned"]


def _score_lines(scores: Comparison) -> list[str]:
    change = scores.overall
    return [
        f"tuned scores over the {change.base.n:,} pairs that both runs scored: {number(change.base.score)} → "
        f"{number(change.tuned.score)} % (95 % of the change {interval(*change.interval)}; exact McNemar "
        f"{p_value(change.p)}): {change.verdict}",
        f"|score − 50| {number(change.base.distance)} → {number(change.tuned.distance)} (95 % of the change "
        f"{interval(*change.distance_interval)}); mean |margin| {number(change.base.mean_abs_margin, 2)} → "
        f"{number(change.tuned.mean_abs_margin, 2)} nats (95 % of the change "
        f"{interval(*change.abs_margin_interval, 2)})",
    ]


def _change(change: Change) -> dict[str, Any]:
    return {
        "n": change.base.n,
        "first": change.base.score,
        "second": change.tuned.score,
        "difference": change.difference,
        "interval": list(change.interval),
        "distance_change": change.distance_change,
        "distance_interval": list(change.distance_interval),
        "p": change.p,
        "holm_p": change.holm_p,
        "verdict": change.verdict,
    }
