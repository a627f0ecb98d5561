"""From the branches' scores to paired tests: against the base, between recipes, by seed and over seeds.

A pair is the independent unit. Several seeds score the same pairs, so their outcomes are not pooled as if they
were more pairs: over seeds, each pair counts once, with its margin averaged over the seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from counterpoise.errors import DataError
from counterpoise.metrics.crows import pair_margins
from counterpoise.metrics.intervals import Floats, holm
from counterpoise.metrics.significance import Change, change_of
from counterpoise.records import PairScore
from counterpoise.report.sweep.inputs import BranchEvidence, SweepInputs

BASE = "base"


@dataclass(frozen=True, slots=True)
class BranchFindings:
    """One branch: one model, recipe and seed.

    Attributes:
        margins: pair → (base, tuned) margin, nats or nats per token, of every held-out pair.
        overall: base against tuned over all held-out pairs, each scored by an adapter that never saw it.
        by_category, by_fold: the same for parts of them; Holm-adjusted p over the categories.
    """

    evidence: BranchEvidence
    margins: Mapping[int, tuple[float, float]]
    overall: Change
    by_category: Mapping[str, Change]
    by_fold: Mapping[int, Change]


@dataclass(frozen=True, slots=True)
class RecipeFindings:
    """One recipe on one model over its seeds; ``averaged`` has each pair's margins averaged over the seeds."""

    model: str
    recipe: str
    branches: tuple[BranchFindings, ...]
    averaged: Change

    @property
    def name(self) -> tuple[str, str]:
        """Model and recipe."""
        return self.model, self.recipe


@dataclass(frozen=True, slots=True)
class PairedTest:
    """``second`` against ``first`` on the pairs that both scored, margins averaged over seeds.

    ``change.holm_p`` is adjusted over every test of the sweep.
    """

    model: str
    first: str
    second: str
    change: Change


@dataclass(frozen=True, slots=True)
class SweepFindings:
    """All numbers of a comparison."""

    branches: tuple[BranchFindings, ...]
    recipes: tuple[RecipeFindings, ...]
    tests: tuple[PairedTest, ...]


def sweep_findings(inputs: SweepInputs) -> SweepFindings:
    """Everything the comparison says in numbers.

    Raises:
        DataError: no branch has finished, a held-out pair lacks its score, or two branches that are compared
            have no pair in common.
    """
    if not inputs.branches:
        raise DataError("no branch of the sweep has finished", "see each branch's reason, then run it again")
    branches = tuple(_branch(evidence) for evidence in inputs.branches)
    groups: dict[tuple[str, str], list[BranchFindings]] = defaultdict(list)
    for branch in branches:
        groups[branch.evidence.facts.model, branch.evidence.facts.recipe].append(branch)
    recipes = tuple(
        RecipeFindings(model, recipe, tuple(group), change_of(_averaged(group)))
        for (model, recipe), group in groups.items()
    )
    return SweepFindings(branches, recipes, _adjusted(_tests(recipes)))


def _branch(evidence: BranchEvidence) -> BranchFindings:
    pairs = [pair for pair in evidence.pairs if pair.fold in evidence.facts.folds]
    sides = [
        pair_margins(pairs, _of(evidence, variant), evidence.facts.normalisation)
        for variant in ("base", "tuned")
    ]
    margins = np.stack(sides, axis=1)
    categories = np.array([pair.category for pair in pairs])
    folds = np.array([pair.fold for pair in pairs])
    by_category = {name: change_of(margins[categories == name]) for name in dict.fromkeys(categories)}
    adjusted = holm({name: change.p for name, change in by_category.items()})
    return BranchFindings(
        evidence=evidence,
        margins={pair.pair_id: (float(a), float(b)) for pair, (a, b) in zip(pairs, margins, strict=True)},
        overall=change_of(margins),
        by_category={
            str(name): replace(change, holm_p=adjusted[name]) for name, change in by_category.items()
        },
        by_fold={fold: change_of(margins[folds == fold]) for fold in evidence.facts.folds},
    )


def _of(evidence: BranchEvidence, variant: str) -> list[PairScore]:
    return [row for row in evidence.scores if row.variant == variant and row.reading == "whole"]


def _tests(recipes: Sequence[RecipeFindings]) -> list[PairedTest]:
    """Each recipe against the base, then each against each of the same model."""
    tests = [PairedTest(recipe.model, BASE, recipe.recipe, recipe.averaged) for recipe in recipes]
    for first, second in combinations(recipes, 2):
        if first.model == second.model:
            tests.append(_between(first, second))
    return tests


def _between(first: RecipeFindings, second: RecipeFindings) -> PairedTest:
    one, other = _mean_margins(first.branches), _mean_margins(second.branches)
    both = sorted(one.keys() & other.keys())
    if not both:
        raise DataError(
            f"recipes {first.recipe!r} and {second.recipe!r} have no scored pair in common",
            "hold out the same folds in both",
        )
    margins = np.array([(one[pair][1], other[pair][1]) for pair in both])
    return PairedTest(first.model, first.recipe, second.recipe, change_of(margins))


def _averaged(branches: Sequence[BranchFindings]) -> Floats:
    means = _mean_margins(branches)
    if not means:
        label = branches[0].evidence.facts.label
        raise DataError(f"the seeds of {label!r} have no scored pair in common", "hold out every fold")
    return np.array([means[pair] for pair in sorted(means)])


def _mean_margins(branches: Sequence[BranchFindings]) -> dict[int, tuple[float, float]]:
    """Mean (base, tuned) margin over the branches, of each pair that all of them scored."""
    common = set.intersection(*(set(branch.margins) for branch in branches))
    found = {}
    for pair in common:
        base, tuned = np.mean([branch.margins[pair] for branch in branches], axis=0)
        found[pair] = (float(base), float(tuned))
    return found


def _adjusted(tests: Sequence[PairedTest]) -> tuple[PairedTest, ...]:
    """The tests with Holm-adjusted p-values over all of them."""
    adjusted = holm({str(number): test.change.p for number, test in enumerate(tests)})
    return tuple(
        replace(test, change=replace(test.change, holm_p=adjusted[str(number)]))
        for number, test in enumerate(tests)
    )
