"""A sweep's tables: recipes over their seeds, every branch, every paired test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoise.measures.criteria import ALPHA
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import LMS, PERPLEXITY, SCORE, TOXICITY, USABLE
from counterpoise.measures.results import TONES
from counterpoise.measures.sweeps import PairedTest, RecipeResult, SeedResult, SweepResults
from counterpoise.report.tables import Row, Table, both, table, with_unit
from counterpoise.report.views import KeyNumber
from counterpoise.report.words import (
    MISSING,
    changed,
    count,
    digits,
    interval,
    moved,
    number,
    p_number,
    percent,
    signed,
    tone,
)

COSTS = (PERPLEXITY, USABLE, LMS, TOXICITY)
"""What stands beside the score, the first way of each."""
SHOWN = 8
"""Recipes at the top of the page."""
Side = Callable[[Measure], float]


def key_numbers(recipes: Sequence[RecipeResult]) -> list[KeyNumber]:
    """A line for each of the first recipes."""
    return [_key_number(recipe) for recipe in recipes[:SHOWN]]


def _key_number(recipe: RecipeResult) -> KeyNumber:
    """A recipe's line at the top: base and tuned score, mean over the seeds."""
    scores = [seed.measures.one(SCORE) for seed in recipe.seeds]
    averaged = recipe.averaged.one(SCORE)
    tuned = [score.tuned for score in scores]
    seeds = f"{len(tuned)} seeds, {interval(min(tuned), max(tuned))}; " if len(tuned) > 1 else ""
    tones = {TONES.get(seed.outcome, "caution") for seed in recipe.seeds}
    return KeyNumber(
        recipe.recipe,
        percent(sum(score.base for score in scores) / len(scores)),
        percent(sum(tuned) / len(tuned)),
        f"{seeds}|score − 50| {distance(averaged)}",
        next(worst for worst in ("bad", "caution", "good") if worst in tones),
    )


def distance(score: Measure) -> str:
    """Change of |score − 50| with its interval, points."""
    return (
        f"{signed(score.loss)} ({interval(*score.distance_interval)})" if score.distance_interval else MISSING
    )


def recipe_table(recipes: Sequence[RecipeResult]) -> Table:
    """The recipes and their settings."""
    rows = [
        Row(
            (
                recipe.recipe,
                recipe.model,
                " · ".join(recipe.settings) or "the profile as it is",
                ", ".join(str(seed.seed) for seed in recipe.seeds),
                ", ".join(map(str, recipe.folds)),
            )
        )
        for recipe in recipes
    ]
    return table(("recipe", "model", "settings", "seeds", "held-out folds"), rows, left=range(5))


def failure_table(results: SweepResults) -> Table:
    """The branches without a result."""
    rows = [Row((item.label, item.reason, item.resume), tone="bad") for item in results.failures]
    return table(("branch", "reason", "go on with"), rows, left=range(3))


def seed_table(recipes: Sequence[RecipeResult]) -> Table:
    """Mean and range over the seeds of each recipe, after the base of its model."""
    rows = []
    for model in dict.fromkeys(recipe.model for recipe in recipes):
        ours = [recipe for recipe in recipes if recipe.model == model]
        rows.append(Row(_spread(f"base · {model}", ours[0], lambda row: row.base), strong=True))
        rows += [Row(_spread(recipe.recipe, recipe, lambda row: row.tuned)) for recipe in ours]
    return table(("recipe", "seeds", SCORE, "|score − 50|", *COSTS), rows)


def _spread(name: str, recipe: RecipeResult, side: Side) -> tuple[str, ...]:
    scores = [seed.measures.one(SCORE) for seed in recipe.seeds]
    far = mean_and_range([score.distance(side(score)) for score in scores])
    costs = [[row for seed in recipe.seeds for row in seed.measures.ways(cost)[:1]] for cost in COSTS]
    return name, count(len(recipe.seeds)), _mean(scores, side), far, *(_mean(rows, side) for rows in costs)


def _mean(rows: Sequence[Measure], side: Side) -> str:
    return mean_and_range([side(row) for row in rows], digits(rows[0])) if rows else MISSING


def mean_and_range(values: Sequence[float], places: int = 1) -> str:
    """The mean, and the lowest and highest in brackets when there are several.

    >>> mean_and_range([51.0, 53.0]), mean_and_range([51.0])
    ('52.0 (51.0–53.0)', '51.0')
    """
    mean = number(sum(values) / len(values), places)
    return f"{mean} ({interval(min(values), max(values), places)})" if len(values) > 1 else mean


def paired_table(tests: Sequence[PairedTest]) -> Table:
    """Every paired test."""
    titles = (
        "model",
        "from",
        "to",
        "pairs",
        "score, %",
        "moved to / from the stereotype",
        "p",
        "Holm p",
        "|score − 50|",
    )
    return table(titles, [_test_row(test) for test in tests], left=(0, 1, 2))


def _test_row(test: PairedTest) -> Row:
    score = test.score
    cells = (
        test.model,
        test.first,
        test.second,
        count(score.n),
        moved(score),
        " / ".join(map(count, score.flips or ())),
        p_number(score.p or 0.0),
        p_number(score.adjusted_p),
        distance(score),
    )
    sure = score.adjusted_p < ALPHA
    return Row(cells, strong=sure, tone=tone(score.verdict) if sure and score.verdict != "unclear" else "")


def branch_table(recipes: Sequence[RecipeResult]) -> Table:
    """Every branch on a row of its own."""
    titles = ("branch", "pairs", "base, %", "tuned, %", "p", "|score − 50|", *COSTS, "verdict")
    rows = [_branch_row(seed) for recipe in recipes for seed in recipe.seeds]
    return table(titles, rows, left=(0, len(titles) - 1))


def _branch_row(seed: SeedResult) -> Row:
    score = seed.measures.one(SCORE)
    costs = [next(map(_cost, seed.measures.ways(cost)), MISSING) for cost in COSTS]
    start = (seed.label, count(score.n), *both(score), p_number(score.adjusted_p), distance(score))
    return Row((*start, *costs, seed.outcome), tone=TONES.get(seed.outcome, "caution"))


def _cost(measure: Measure) -> str:
    return changed(measure) if measure.relative else moved(measure)


def across(recipes: Sequence[RecipeResult], *names: str, groups: bool) -> Table | None:
    """Measures as rows, recipes as columns: base → tuned, mean over the seeds; None where none was taken."""
    found = {
        (row.name, row.by, row.group): row
        for recipe in recipes
        for seed in recipe.seeds
        for row in seed.measures
        if row.counts and bool(row.group) is groups and (not names or row.name in names)
    }
    rows = [
        Row((row.group or with_unit(row), count(row.n), *(_ends(recipe, *at) for recipe in recipes)))
        for at, row in found.items()
    ]
    return table(("measure", "n", *(recipe.recipe for recipe in recipes)), rows) if rows else None


def _ends(recipe: RecipeResult, name: str, by: str, group: str) -> str:
    rows = [row for seed in recipe.seeds if (row := seed.measures.get(name, by, group))]
    if not rows:
        return MISSING
    base, tuned = (
        number(sum(values) / len(rows), digits(rows[0]))
        for values in zip(*((r.base, r.tuned) for r in rows), strict=True)
    )
    return f"{base} → {tuned}"
