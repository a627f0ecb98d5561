"""From the branches' scores to recipes over their seeds and paired tests: against the base, and between recipes.

A pair is the independent unit. Several seeds score the same pairs, so their outcomes are not pooled as if they
were more pairs: over seeds, each pair counts once, with its margin averaged over the seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from counterpoise.errors import DataError
from counterpoise.measures.crows import adjust, margin_measures, score_measure
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import SCORE
from counterpoise.measures.sweeps import PairedTest, RecipeResult, SeedResult
from counterpoise.metrics.crows import pair_margins
from counterpoise.records import PairScore
from counterpoise.report.sweep.inputs import BranchEvidence, SweepInputs

BASE = "base"
Margins = Mapping[int, tuple[float, float]]
"""Pair → (base, tuned) margin, nats or nats per token."""


def recipes_and_tests(inputs: SweepInputs) -> tuple[tuple[RecipeResult, ...], tuple[PairedTest, ...]]:
    """Each recipe over its seeds; then each against the base, and each against each of the same model.

    Raises:
        DataError: no branch has finished, a held-out pair lacks its score, or two branches that are compared
            have no pair in common.
    """
    if not inputs.branches:
        raise DataError("no branch of the sweep has finished", "see each branch's reason, then run it again")
    groups: dict[tuple[str, str], list[BranchEvidence]] = defaultdict(list)
    for branch in inputs.branches:
        groups[branch.facts.model, branch.facts.recipe].append(branch)
    margins = {name: _mean_margins(group) for name, group in groups.items()}
    recipes = tuple(_recipe(group, margins[name]) for name, group in groups.items())
    return recipes, _tests(recipes, margins)


def _recipe(group: Sequence[BranchEvidence], margins: Margins) -> RecipeResult:
    facts = group[0].facts
    seeds = tuple(
        SeedResult(one.facts.label, one.facts.seed, one.results.verdict.outcome, one.results.measures)
        for one in group
    )
    averaged = Measures(margin_measures(np.array([margins[pair] for pair in sorted(margins)])))
    return RecipeResult(facts.model, facts.recipe, facts.settings, facts.folds, seeds, averaged)


def _margins(evidence: BranchEvidence) -> Margins:
    pairs = [pair for pair in evidence.pairs if pair.fold in evidence.facts.folds]
    base, tuned = (
        pair_margins(pairs, _of(evidence, variant), evidence.facts.normalisation)
        for variant in ("base", "tuned")
    )
    return {pair.pair_id: (float(a), float(b)) for pair, a, b in zip(pairs, base, tuned, strict=True)}


def _of(evidence: BranchEvidence, variant: str) -> list[PairScore]:
    return [row for row in evidence.scores if row.variant == variant and row.reading == "whole"]


def _mean_margins(branches: Sequence[BranchEvidence]) -> Margins:
    """Mean (base, tuned) margin over the branches, of each pair that all of them scored."""
    found = [_margins(branch) for branch in branches]
    common = set.intersection(*(set(margins) for margins in found))
    if not common:
        label = branches[0].facts.label
        raise DataError(f"the seeds of {label!r} have no scored pair in common", "hold out every fold")
    means = {pair: np.mean([margins[pair] for margins in found], axis=0) for pair in common}
    return {pair: (float(base), float(tuned)) for pair, (base, tuned) in means.items()}


def _tests(
    recipes: Sequence[RecipeResult], margins: Mapping[tuple[str, str], Margins]
) -> tuple[PairedTest, ...]:
    """The tests with Holm-adjusted p-values over all of them."""
    tests = [PairedTest(one.model, BASE, one.recipe, one.averaged.one(SCORE)) for one in recipes]
    tests += [_between(*pair, margins) for pair in combinations(recipes, 2) if pair[0].model == pair[1].model]
    adjusted = adjust([test.score for test in tests])
    return tuple(replace(test, score=score) for test, score in zip(tests, adjusted, strict=True))


def _between(
    first: RecipeResult, second: RecipeResult, margins: Mapping[tuple[str, str], Margins]
) -> PairedTest:
    one, other = (margins[recipe.model, recipe.recipe] for recipe in (first, second))
    both = sorted(one.keys() & other.keys())
    if not both:
        raise DataError(
            f"recipes {first.recipe!r} and {second.recipe!r} have no scored pair in common",
            "hold out the same folds in both",
        )
    score = score_measure(np.array([(one[pair][1], other[pair][1]) for pair in both]))
    return PairedTest(first.model, first.recipe, second.recipe, score)
