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
from counterpoise.generation.prompts import group_terms
from counterpoise.metrics.erasure import Shift
from counterpoise.metrics.groups import Rate, rate, rates_by
from counterpoise.metrics.mentions import mentions
from counterpoise.metrics.perplexity import PerplexityChange, perplexity_change
from counterpoise.metrics.significance import Change, Comparison, change_of, compare
from counterpoise.records import Normalisation, Preference
from counterpoise.report.held_out import held_out, revised, scored_in
from counterpoise.report.inputs import FoldEvidence, ReportInputs
from counterpoise.report.readings import Scored, direction_changes, reading_changes
from counterpoise.report.texts import TextFindings, text_findings
from counterpoise.report.verdict import Cost, Verdict, judge


@dataclass(frozen=True, slots=True)
class FilterFindings:
    """What the preference filter kept and dropped.

    Attributes:
        reasons: candidates by reason, most frequent first.
        by_axis, by_origin: share dropped, percent.
        by_group: share dropped of the candidates whose chosen sentence names the group, percent.
        kept_chosen, kept_rejected: mean toxicity of the kept sentences, 0 to 1.
    """

    candidates: int
    kept: int
    reasons: dict[str, int]
    by_axis: dict[str, Rate]
    by_origin: dict[str, Rate]
    by_group: dict[str, Rate]
    kept_chosen: float
    kept_rejected: float


@dataclass(frozen=True, slots=True)
class FoldFindings:
    """One training in brief; ``own`` is its adapter's change over the pairs of its evaluated fold."""

    evaluated: int
    own: Change
    training: TrainingOutcome


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything measured.

    Attributes:
        held_out: pairs scored by an adapter that never saw them.
        readings: edition (``original``, ``revised``) → reading → change over its held-out pairs.
        directions: ``stereo`` and ``antistereo`` rows apart.
        in_sample: pairs scored by the first fold's adapter, which was trained on them; None if not scored.
        stereoset, winobias: ``all`` and by part; empty where they were not run.
        neutral_shifts: group → shift of the log-probability of neutral sentences about it.
    """

    verdict: Verdict
    cost: Cost
    held_out: Comparison
    readings: Mapping[str, Mapping[str, Change]]
    directions: Mapping[str, Change]
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
    evidence = held_out(inputs)
    main = _compare(evidence, run.normalisation, run.seed)
    stereoset = stereoset_changes(inputs.benchmarks, seed=run.seed)
    texts = text_findings(inputs.generations, inputs.toxicity, run.seed)
    perplexity = _perplexity(inputs.folds, run.seed)
    cost = Cost(
        perplexity_ratio=perplexity.ratio,
        perplexity_interval=perplexity.interval,
        max_perplexity_rise=run.max_perplexity_rise,
        usable_base=texts.base.usable,
        usable_tuned=texts.tuned.usable,
        usable_interval=texts.usable_interval,
        lms=stereoset["all"].lms if stereoset else None,
    )
    in_sample = scored_in(inputs, inputs.folds[0], "train")
    return Findings(
        verdict=judge(main.overall, cost),
        cost=cost,
        held_out=main,
        readings=_readings(evidence, revised(inputs), run.seed),
        directions=direction_changes(evidence, run.normalisation, run.seed),
        in_sample=_compare(in_sample, run.normalisation, run.seed) if in_sample.pairs else None,
        perplexity=perplexity,
        texts=texts,
        filter=_filter(inputs.preferences),
        folds=tuple(_fold(inputs, fold) for fold in inputs.folds),
        stereoset=stereoset,
        winobias=winobias_changes(inputs.benchmarks, seed=run.seed),
        neutral_shifts=group_shifts(inputs.benchmarks, seed=run.seed),
    )


def _compare(scored: Scored, normalisation: Normalisation, seed: int) -> Comparison:
    return compare(scored.pairs, scored.base, scored.tuned, normalisation, seed=seed)


def _readings(held_out: Scored, corrected: Scored | None, seed: int) -> dict[str, dict[str, Change]]:
    editions = {"original": held_out} | ({"revised": corrected} if corrected else {})
    return {name: reading_changes(scored, seed) for name, scored in editions.items()}


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
        by_group=_by_group(preferences, dropped),
        kept_chosen=sum(row.chosen_toxicity for row in kept) / max(1, len(kept)),
        kept_rejected=sum(row.rejected_toxicity for row in kept) / max(1, len(kept)),
    )


def _by_group(preferences: Sequence[Preference], dropped: Sequence[bool]) -> dict[str, Rate]:
    """Drop rate by the group that the chosen sentence names, for the groups that any names."""
    named = mentions([row.prompt + row.chosen for row in preferences], group_terms())
    found = {
        group: [flag for flag, hit in zip(dropped, hits, strict=True) if hit] for group, hits in named.items()
    }
    return {group: rate(sum(flags), len(flags)) for group, flags in found.items() if flags}


def _fold(inputs: ReportInputs, fold: FoldEvidence) -> FoldFindings:
    margins = scored_in(inputs, fold, "test").margins(inputs.run.normalisation)
    return FoldFindings(fold.evaluated, change_of(margins, inputs.run.seed), fold.training)
