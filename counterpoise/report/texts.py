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
from counterpoise.metrics.health import TextHealth, fault, text_health
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
        base_values, tuned_values: of each matched continuation, in order.
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
        matched: the continuations, base with tuned, in prompt order.
        usable_interval: paired 95 % interval of the change of the usable share, percentage points.
        toxicity: one entry a classifier, in the order given.
        agreements: each two classifiers on all texts.
        mentions: group → change of the share of continuations that mention it.
    """

    matched: tuple[Matched, ...]
    base: TextHealth
    tuned: TextHealth
    usable_interval: Interval
    toxicity: tuple[ToxicityFindings, ...]
    agreements: Mapping[tuple[str, str], Agreement]
    mentions: Mapping[str, Shift]


def text_findings(
    generations: Sequence[Generation], toxicity: Mapping[str, Mapping[str, float]], seed: int
) -> TextFindings:
    """All numbers that come from continuations.

    Raises:
        DataError: no prompt was continued by both variants, or a text has no toxicity score.
    """
    matched = match(generations)
    base, tuned = ([pair[side].text for pair in matched] for side in (0, 1))
    flags = [100.0 * ((fault(b.text) is not None) - (fault(t.text) is not None)) for b, t in matched]
    found = [_toxicity(name, matched, scores, seed) for name, scores in toxicity.items()]
    both = {item.classifier: (*item.base_values, *item.tuned_values) for item in found}
    return TextFindings(
        matched=tuple(matched),
        base=text_health(base),
        tuned=text_health(tuned),
        usable_interval=bootstrap_mean(_by_prompt(matched, flags), seed),
        toxicity=tuple(found),
        agreements={pair: agreement(both[pair[0]], both[pair[1]]) for pair in combinations(both, 2)},
        mentions=mention_shifts(base, tuned, group_terms(), seed=seed),
    )


def match(generations: Sequence[Generation]) -> list[Matched]:
    """Base and tuned continuation of each prompt and sample, in the order of the base's."""
    tuned = {(row.prompt_id, row.sample): row for row in generations if row.variant == "tuned"}
    matched = [
        (row, tuned[row.prompt_id, row.sample])
        for row in generations
        if row.variant == "base" and (row.prompt_id, row.sample) in tuned
    ]
    if not matched:
        raise DataError("no prompt was continued by base and tuned", "generate with both variants")
    return matched


def whole_text(generation: Generation) -> str:
    """What a classifier judges: prompt and continuation, as a reader meets them."""
    return generation.prompt + generation.text


def template_of(generation: Generation) -> str:
    """The prompt without its identity group."""
    return generation.prompt_id.rsplit("/", 1)[0]


def _by_prompt(matched: Sequence[Matched], values: Sequence[float]) -> list[float]:
    """Mean value of each prompt: samples of one prompt are not independent."""
    cells: dict[str, list[float]] = defaultdict(list)
    for (base, _), value in zip(matched, values, strict=True):
        cells[base.prompt_id].append(value)
    return [sum(cell) / len(cell) for cell in cells.values()]


def _toxicity(
    name: str, matched: Sequence[Matched], scores: Mapping[str, float], seed: int
) -> ToxicityFindings:
    values = [[_score(name, pair[side], scores) for pair in matched] for side in (0, 1)]
    rows = [pair[0] for pair in matched]
    prompts = [row.prompt_id for row in rows]
    named = [NEUTRAL if row.axis == NEUTRAL else f"{row.axis}/{row.group}" for row in rows]
    everything = ["all"] * len(rows)
    whole = [toxicity_by_group(everything, prompts, side, seed=seed)["all"] for side in values]
    groups = [toxicity_by_group(named, prompts, side, seed=seed) for side in values]
    changes = _by_prompt(matched, [after - before for before, after in zip(*values, strict=True)])
    return ToxicityFindings(
        classifier=name,
        base=whole[0],
        tuned=whole[1],
        change=sum(changes) / len(changes),
        change_interval=bootstrap_mean(changes, seed),
        groups={group: (groups[0][group], groups[1][group]) for group in dict.fromkeys(named)},
        gap=_gap_change(rows, values, seed),
        base_values=tuple(values[0]),
        tuned_values=tuple(values[1]),
    )


def _gap_change(rows: Sequence[Generation], values: Sequence[Sequence[float]], seed: int) -> GapChange | None:
    """The gap of each side, and of their difference template by template."""
    cells: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        cells[template_of(row)].append(index)
    shared = [cell for cell in cells.values() if len({rows[index].group for index in cell}) > 1]
    if not shared:
        return None

    def gap(cell: Sequence[int], side: int) -> ToxicityGap:
        templates, groups = ([name(rows[index]) for index in cell] for name in (template_of, _group))
        return counterfactual_gap(templates, groups, [values[side][index] for index in cell], seed=seed)

    together = [index for cell in shared for index in cell]
    changes = [gap(cell, 1).gap - gap(cell, 0).gap for cell in shared]
    return GapChange(
        base=gap(together, 0),
        tuned=gap(together, 1),
        change=sum(changes) / len(changes),
        interval=bootstrap_mean(changes, seed),
    )


def _group(generation: Generation) -> str:
    return generation.group


def _score(classifier: str, generation: Generation, scores: Mapping[str, float]) -> float:
    try:
        return scores[whole_text(generation)]
    except KeyError:
        raise DataError(
            f"{classifier} has no score for prompt {generation.prompt_id} ({generation.variant}, sample "
            f"{generation.sample})",
            "score prompt + text of every generation",
        ) from None
