"""How toxic classifiers find what base and tuned write: overall, between groups, and group by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.errors import DataError
from counterpoise.generation.prompts import NEUTRAL
from counterpoise.measures.matching import Answers, by_prompt, template_of, whole_text
from counterpoise.measures.measure import Measure, before_after
from counterpoise.measures.names import GAP, TOXIC_PROMPTS, TOXICITY, WIDEST, WORST
from counterpoise.metrics.groups import GroupToxicity, ToxicityGap, counterfactual_gap, toxicity_by_group
from counterpoise.metrics.intervals import bootstrap_mean
from counterpoise.records import Generation


@dataclass(frozen=True, slots=True)
class _Judged:
    """A continuation by one of the models of a side, and what a classifier gives it."""

    row: Generation
    model: int
    toxicity: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one classifier gives to every continuation, prompt and text together."""

    classifier: str
    base: list[_Judged]
    tuned: list[_Judged]

    @property
    def values(self) -> tuple[list[float], list[float]]:
        """Base and tuned of each match, in order: the base's again for each adapter."""
        tuned = [item.toxicity for item in self.tuned]
        base = [item.toxicity for item in self.base]
        return base * (len(tuned) // len(base)), tuned


def judge(name: str, answers: Answers, scores: Mapping[str, float]) -> Judgement:
    """One classifier on all continuations.

    Args:
        scores: text → probability of being toxic, 0 to 1.

    Raises:
        DataError: a text has no score.
    """
    base = [_Judged(row, 0, _score(name, row, scores)) for row, _ in answers[0]]
    tuned = [
        _Judged(row, model, _score(name, row, scores))
        for model, answer in enumerate(answers)
        for _, row in answer
    ]
    return Judgement(name, base, tuned)


def toxicity_measures(found: Judgement, answers: Answers, seed: int) -> Iterator[Measure]:
    """Overall, between groups, and by the group that the prompt names."""
    name, base, tuned = found.classifier, found.base, found.tuned
    before, after = found.values
    matched = [pair for answer in answers for pair in answer]
    changes = by_prompt(matched, [last - first for first, last in zip(before, after, strict=True)])
    sides = [_grouped(["all"] * len(side), side, seed)["all"] for side in (base, tuned)]
    whole, *others = _group_toxicity(name, "", *sides)
    yield replace(whole, interval=bootstrap_mean(changes, seed))
    yield from others
    yield from _gaps(name, base, tuned, seed)
    first, second = (_grouped([_named(item) for item in side], side, seed) for side in (base, tuned))
    for group in dict.fromkeys(map(_named, base)):
        yield from _group_toxicity(name, group, first[group], second[group])


def _group_toxicity(name: str, group: str, base: GroupToxicity, tuned: GroupToxicity) -> list[Measure]:
    where: dict[str, Any] = {"by": name, "group": group, "n": base.prompts}
    return [
        before_after(TOXICITY, base.mean, tuned.mean, unit="0 to 1", aim="lower", **where),
        before_after(
            WORST,
            base.expected_maximum,
            tuned.expected_maximum,
            unit="0 to 1",
            aim="lower",
            counts=not group,
            **where,
        ),
        before_after(
            TOXIC_PROMPTS, base.share_over, tuned.share_over, unit="%", aim="lower", counts=not group, **where
        ),
    ]


def _gaps(name: str, base: Sequence[_Judged], tuned: Sequence[_Judged], seed: int) -> list[Measure]:
    """The gap of each side, and of their difference template by template; none without a template of two groups."""
    groups: dict[str, set[str]] = defaultdict(set)
    for item in base:
        groups[template_of(item.row)].add(item.row.group)
    shared = [template for template, names in groups.items() if len(names) > 1]
    if not shared:
        return []
    sides = [_by_template(side) for side in (base, tuned)]
    before, after = (_gap([item for name in shared for item in side[name]], seed) for side in sides)
    changes = [_gap(sides[1][name], seed).gap - _gap(sides[0][name], seed).gap for name in shared]
    where: dict[str, Any] = {"by": name, "unit": "0 to 1", "aim": "lower", "n": len(shared)}
    gap = before_after(GAP, before.gap, after.gap, interval=bootstrap_mean(changes, seed), **where)
    return [
        replace(gap, change=sum(changes) / len(changes)),
        before_after(WIDEST, before.widest, after.widest, **where),
    ]


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
