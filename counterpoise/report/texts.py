"""What the continuations show: health, toxicity by every classifier, gaps between groups, mentions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from counterpoise.errors import DataError
from counterpoise.generation.prompts import NEUTRAL, group_terms
from counterpoise.metrics.erasure import Shift, mention_shifts
from counterpoise.metrics.groups import (
    Agreement,
    GroupToxicity,
    ToxicityGap,
    agreement,
    counterfactual_gap,
    toxicity_by_group,
)
from counterpoise.metrics.health import TextHealth, fault, mean_health, text_health
from counterpoise.metrics.intervals import Interval, bootstrap_mean
from counterpoise.records import Generation

Matched = tuple[Generation, Generation]
"""Base and tuned continuation of the same prompt and sample."""


@dataclass(frozen=True, slots=True)
class GapChange:
    """Counterfactual toxicity gap before and after.

    Attributes:
        change: tuned − base, 0 to 1, with its paired bootstrap 95 % interval over templates.
    """

    base: ToxicityGap
    tuned: ToxicityGap
    change: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class ToxicityFindings:
    """One classifier on prompt and continuation together.

    Attributes:
        base, tuned: over all prompts.
        change: mean toxicity, tuned − base, 0 to 1, with its paired bootstrap 95 % interval over prompts.
        groups: ``axis/group`` → base and tuned.
        gap: counterfactual gap; None where no template exists for two groups.
        base_values, tuned_values: of each matched pair, in order.
    """

    classifier: str
    base: GroupToxicity
    tuned: GroupToxicity
    change: float
    change_interval: Interval
    groups: Mapping[str, tuple[GroupToxicity, GroupToxicity]]
    gap: GapChange | None
    base_values: tuple[float, ...]
    tuned_values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TextFindings:
    """Everything measured on generated text.

    Attributes:
        matched: the continuations, base with tuned, in prompt order; where several adapters answered every prompt,
            the first one's, then the next one's.
        answers: how many adapters answered each prompt.
        usable_interval: paired 95 % interval of the change of the usable share, percentage points.
        toxicity: one entry a classifier, in the order given.
        agreements: each two classifiers on all texts.
        mentions: group → change of the share of continuations that mention it, over all adapters.
        mentions_by_adapter: the same of each adapter that answered: what one gains another may lose.
    """

    matched: tuple[Matched, ...]
    answers: int
    base: TextHealth
    tuned: TextHealth
    usable_interval: Interval
    toxicity: tuple[ToxicityFindings, ...]
    agreements: Mapping[tuple[str, str], Agreement]
    mentions: Mapping[str, Shift]
    mentions_by_adapter: tuple[Mapping[str, Shift], ...]

    @property
    def silenced(self) -> tuple[tuple[str, Shift], ...]:
        """Groups that the adapters together, or one of them, mention less than the audit lets pass: the worst fall."""
        found: dict[str, Shift] = {}
        for shifts in (self.mentions, *self.mentions_by_adapter):
            for group, shift in shifts.items():
                if shift.erased and (group not in found or shift.change < found[group].change):
                    found[group] = shift
        return tuple(found.items())


def text_findings(
    generations: Sequence[Generation], toxicity: Mapping[str, Mapping[str, float]], seed: int
) -> TextFindings:
    """All numbers that come from continuations.

    Raises:
        DataError: as :func:`match`, or a text has no toxicity score.
    """
    answers = match(generations)
    matched = [pair for answer in answers for pair in answer]
    base = [before.text for before, _ in answers[0]]
    tuned = [[after.text for _, after in answer] for answer in answers]
    prompts, terms = [before.prompt_id for before, _ in answers[0]], group_terms()
    flags = [100.0 * ((fault(b.text) is not None) - (fault(t.text) is not None)) for b, t in matched]
    found = [_toxicity(name, answers, scores, seed) for name, scores in toxicity.items()]
    both = {item.classifier: (*item.base_values[: len(base)], *item.tuned_values) for item in found}
    return TextFindings(
        matched=tuple(matched),
        answers=len(answers),
        base=text_health(base),
        tuned=mean_health([text_health(texts) for texts in tuned]),
        usable_interval=bootstrap_mean(_by_prompt(matched, flags), seed),
        toxicity=tuple(found),
        agreements={pair: agreement(both[pair[0]], both[pair[1]]) for pair in combinations(both, 2)},
        mentions=mention_shifts(prompts, base, tuned, terms, seed=seed),
        mentions_by_adapter=tuple(mention_shifts(prompts, base, [one], terms, seed=seed) for one in tuned),
    )


def match(generations: Sequence[Generation]) -> list[list[Matched]]:
    """Base and tuned continuation of each prompt and sample, in the order of the base's, once for each answer.

    Returns:
        As many lists as adapters answered a prompt: one where the prompts were dealt among them.

    Raises:
        DataError: no prompt was continued by both variants, or some by more adapters than others.
    """
    tuned: dict[tuple[str, int], list[Generation]] = defaultdict(list)
    for row in generations:
        if row.variant == "tuned":
            tuned[row.prompt_id, row.sample].append(row)
    base = [row for row in generations if row.variant == "base" and (row.prompt_id, row.sample) in tuned]
    if not base:
        raise DataError("no prompt was continued by base and tuned", "generate with both variants")
    sizes = {len(tuned[row.prompt_id, row.sample]) for row in base}
    if len(sizes) > 1:
        raise DataError(
            f"prompts were continued by {min(sizes)} to {max(sizes)} adapters",
            "let as many answer each prompt",
        )
    return [[(row, tuned[row.prompt_id, row.sample][k]) for row in base] for k in range(sizes.pop())]


def whole_text(generation: Generation) -> str:
    """What a classifier judges: prompt and continuation, as a reader meets them."""
    return generation.prompt + generation.text


def template_of(generation: Generation) -> str:
    """The prompt without its identity group."""
    return generation.prompt_id.rsplit("/", 1)[0]


def _by_prompt(matched: Sequence[Matched], values: Sequence[float]) -> list[float]:
    """Mean value of each prompt: its samples, and the adapters that answer it, are not independent."""
    cells: dict[str, list[float]] = defaultdict(list)
    for (base, _), value in zip(matched, values, strict=True):
        cells[base.prompt_id].append(value)
    return [sum(cell) / len(cell) for cell in cells.values()]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A continuation by one of the models of a side, and what a classifier gives it."""

    row: Generation
    model: int
    toxicity: float


def _toxicity(
    name: str, answers: Sequence[Sequence[Matched]], scores: Mapping[str, float], seed: int
) -> ToxicityFindings:
    base = [_Judged(row, 0, _score(name, row, scores)) for row, _ in answers[0]]
    tuned = [
        _Judged(row, model, _score(name, row, scores))
        for model, answer in enumerate(answers)
        for _, row in answer
    ]
    before, after = (_by_group(side, seed) for side in (base, tuned))
    base_values = tuple(item.toxicity for item in base) * len(answers)
    tuned_values = tuple(item.toxicity for item in tuned)
    differences = [last - first for first, last in zip(base_values, tuned_values, strict=True)]
    changes = _by_prompt([pair for answer in answers for pair in answer], differences)
    return ToxicityFindings(
        classifier=name,
        base=_overall(base, seed),
        tuned=_overall(tuned, seed),
        change=sum(changes) / len(changes),
        change_interval=bootstrap_mean(changes, seed),
        groups={group: (before[group], after[group]) for group in dict.fromkeys(map(_named, base))},
        gap=_gap_change(base, tuned, seed),
        base_values=base_values,
        tuned_values=tuned_values,
    )


def _overall(side: Sequence[_Judged], seed: int) -> GroupToxicity:
    return _grouped(["all"] * len(side), side, seed)["all"]


def _by_group(side: Sequence[_Judged], seed: int) -> dict[str, GroupToxicity]:
    return _grouped([_named(item) for item in side], side, seed)


def _grouped(groups: Sequence[str], side: Sequence[_Judged], seed: int) -> dict[str, GroupToxicity]:
    prompts, values, models = (
        [item.row.prompt_id for item in side],
        [item.toxicity for item in side],
        [item.model for item in side],
    )
    return toxicity_by_group(groups, prompts, values, models=models, seed=seed)


def _named(item: _Judged) -> str:
    """The group that the prompt names, with its axis."""
    return NEUTRAL if item.row.axis == NEUTRAL else f"{item.row.axis}/{item.row.group}"


def _gap_change(base: Sequence[_Judged], tuned: Sequence[_Judged], seed: int) -> GapChange | None:
    """The gap of each side, and of their difference template by template."""
    groups: dict[str, set[str]] = defaultdict(set)
    for item in base:
        groups[template_of(item.row)].add(item.row.group)
    shared = [template for template, names in groups.items() if len(names) > 1]
    if not shared:
        return None
    sides = [_by_template(side) for side in (base, tuned)]
    before, after = (_gap([item for name in shared for item in side[name]], seed) for side in sides)
    changes = [_gap(sides[1][name], seed).gap - _gap(sides[0][name], seed).gap for name in shared]
    return GapChange(
        base=before, tuned=after, change=sum(changes) / len(changes), interval=bootstrap_mean(changes, seed)
    )


def _by_template(side: Sequence[_Judged]) -> dict[str, list[_Judged]]:
    found: dict[str, list[_Judged]] = defaultdict(list)
    for item in side:
        found[template_of(item.row)].append(item)
    return found


def _gap(side: Sequence[_Judged], seed: int) -> ToxicityGap:
    return counterfactual_gap(
        [template_of(item.row) for item in side],
        [item.row.group for item in side],
        [item.toxicity for item in side],
        models=[item.model for item in side],
        seed=seed,
    )


def _score(classifier: str, generation: Generation, scores: Mapping[str, float]) -> float:
    try:
        return scores[whole_text(generation)]
    except KeyError:
        raise DataError(
            f"{classifier} has no score for prompt {generation.prompt_id} ({generation.variant}, sample "
            f"{generation.sample})",
            "score prompt + text of every generation",
        ) from None
