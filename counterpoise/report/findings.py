"""From a run's records to everything the report says in numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.alignment.records import TrainingOutcome
from counterpoise.errors import DataError
from counterpoise.evaluation.changes import (
    StereoSetChange,
    WinoBiasChange,
    group_shifts,
    stereoset_changes,
    winobias_changes,
)
from counterpoise.metrics.erasure import Shift
from counterpoise.metrics.groups import Rate, rates_by
from counterpoise.metrics.perplexity import PerplexityChange, perplexity_change
from counterpoise.metrics.significance import Comparison, compare
from counterpoise.pairs.folds import split_of
from counterpoise.records import Normalisation, Pair, PairScore, Preference
from counterpoise.report.inputs import FoldEvidence, ReportInputs
from counterpoise.report.texts import TextFindings, text_findings
from counterpoise.report.verdict import Cost, Verdict, judge


@dataclass(frozen=True, slots=True)
class FilterFindings:
    """What the preference filter kept and dropped.

    Attributes:
        reasons: candidates by reason, most frequent first.
        by_axis, by_origin: share dropped, percent.
        kept_chosen, kept_rejected: mean toxicity of the kept sentences, 0 to 1.
    """

    candidates: int
    kept: int
    reasons: dict[str, int]
    by_axis: dict[str, Rate]
    by_origin: dict[str, Rate]
    kept_chosen: float
    kept_rejected: float


@dataclass(frozen=True, slots=True)
class FoldFindings:
    """One training in brief; ``held_out`` counts the pairs of its evaluated fold."""

    evaluated: int
    held_out: int
    training: TrainingOutcome


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything measured.

    Attributes:
        held_out: pairs scored by an adapter that never saw them.
        other: the same pairs under the other normalisation.
        in_sample: pairs scored by the first fold's adapter, which was trained on them; None if not scored.
        stereoset, winobias: ``all`` and by part; empty where they were not run.
        neutral_shifts: group → shift of the log-probability of neutral sentences about it.
    """

    verdict: Verdict
    cost: Cost
    held_out: Comparison
    other: Comparison
    in_sample: Comparison | None
    perplexity: PerplexityChange
    texts: TextFindings
    filter: FilterFindings
    folds: tuple[FoldFindings, ...]
    stereoset: Mapping[str, StereoSetChange]
    winobias: Mapping[str, WinoBiasChange]
    neutral_shifts: Mapping[str, Shift]


def findings(inputs: ReportInputs) -> Findings:
    """All numbers of the report.

    Raises:
        DataError: there is no fold, or a held-out pair has no score.
    """
    if not inputs.folds:
        raise DataError("a report needs at least one trained fold, got none", "run the pipeline first")
    run = inputs.run
    other: Normalisation = "mean" if run.normalisation == "sum" else "sum"
    held_out = _held_out(inputs)
    main = _compare(held_out, run.normalisation, run.seed)
    texts = text_findings(inputs.generations, inputs.toxicity, run.seed)
    perplexity = _perplexity(inputs.folds, run.seed)
    cost = Cost(
        perplexity_ratio=perplexity.ratio,
        perplexity_interval=perplexity.interval,
        max_perplexity_rise=run.max_perplexity_rise,
        usable_base=texts.base.usable,
        usable_tuned=texts.tuned.usable,
        usable_interval=texts.usable_interval,
    )
    in_sample = _in_sample(inputs)
    return Findings(
        verdict=judge(main.overall, cost),
        cost=cost,
        held_out=main,
        other=_compare(held_out, other, run.seed),
        in_sample=_compare(in_sample, run.normalisation, run.seed) if in_sample[0] else None,
        perplexity=perplexity,
        texts=texts,
        filter=_filter(inputs.preferences),
        folds=tuple(_fold(inputs, fold) for fold in inputs.folds),
        stereoset=stereoset_changes(inputs.benchmarks, seed=run.seed),
        winobias=winobias_changes(inputs.benchmarks, seed=run.seed),
        neutral_shifts=group_shifts(inputs.benchmarks, seed=run.seed),
    )


Scored = tuple[list[Pair], list[PairScore], list[PairScore]]
"""Pairs with their base and their tuned scores."""


def _held_out(inputs: ReportInputs) -> Scored:
    """Each pair of an evaluated fold with the scores of the adapter that had it held out."""
    parts = [_scored(inputs, fold, "test") for fold in inputs.folds]
    pairs, base, tuned = ([row for part in parts for row in part[side]] for side in (0, 1, 2))
    wanted = {fold.evaluated for fold in inputs.folds}
    missing = sum(item.fold in wanted for item in inputs.pairs) - len(pairs)
    if missing or not pairs:
        raise DataError(f"{missing or 'all'} held-out pairs have no score", "score every evaluated fold")
    return pairs, base, tuned  # type: ignore[return-value]


def _in_sample(inputs: ReportInputs) -> Scored:
    return _scored(inputs, inputs.folds[0], "train")


def _scored(inputs: ReportInputs, fold: FoldEvidence, split: str) -> Scored:
    wanted = {
        item.pair.pair_id: item.pair
        for item in inputs.pairs
        if split_of(item.fold, fold.evaluated, inputs.run.folds) == split
    }
    by_variant: dict[str, dict[int, PairScore]] = {"base": {}, "tuned": {}}
    for score in fold.scores:
        if score.pair_id in wanted and score.reading == "whole":
            by_variant[score.variant][score.pair_id] = score
    both = sorted(by_variant["base"].keys() & by_variant["tuned"].keys())
    base, tuned = ([by_variant[side][pair_id] for pair_id in both] for side in ("base", "tuned"))
    return [wanted[pair_id] for pair_id in both], base, tuned


def _compare(scored: Scored, normalisation: Normalisation, seed: int) -> Comparison:
    return compare(*scored, normalisation, seed=seed)


def _perplexity(folds: Sequence[FoldEvidence], seed: int) -> PerplexityChange:
    """Base against tuned per sentence; with several folds, each sentence's mean over their adapters."""
    sums: dict[str, dict[int, list[float]]] = {"base": defaultdict(list), "tuned": defaultdict(list)}
    tokens: dict[int, int] = {}
    for fold in folds:
        for row in fold.capability:
            sums[row.variant][row.text_id].append(row.log_prob)
            tokens[row.text_id] = row.tokens
    texts = sorted(sums["base"].keys() & sums["tuned"].keys())
    if not texts:
        raise DataError("no neutral sentence was scored by base and tuned", "run the capability stage")
    base, tuned = (
        [sum(sums[side][text]) / len(sums[side][text]) for text in texts] for side in ("base", "tuned")
    )
    return perplexity_change(base, tuned, [tokens[text] for text in texts], seed=seed)


def _filter(preferences: Sequence[Preference]) -> FilterFindings:
    kept = [row for row in preferences if row.kept]
    dropped = [not row.kept for row in preferences]
    return FilterFindings(
        candidates=len(preferences),
        kept=len(kept),
        reasons=dict(Counter(row.reason for row in preferences).most_common()),
        by_axis=rates_by([row.axis for row in preferences], dropped),
        by_origin=rates_by([row.origin for row in preferences], dropped),
        kept_chosen=sum(row.chosen_toxicity for row in kept) / max(1, len(kept)),
        kept_rejected=sum(row.rejected_toxicity for row in kept) / max(1, len(kept)),
    )


def _fold(inputs: ReportInputs, fold: FoldEvidence) -> FoldFindings:
    held_out = sum(item.fold == fold.evaluated for item in inputs.pairs)
    return FoldFindings(fold.evaluated, held_out, fold.training)
