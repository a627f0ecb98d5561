"""Methods side by side, as Markdown: what each recipe of a comparison did to the score, and what that cost."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.measures.measure import Measure
from counterpoise.measures.names import (
    ABS_MARGIN,
    LIKELIHOOD,
    LMS,
    OWN_TEXT_KL,
    PERPLEXITY,
    SAMPLED,
    SCORE,
    SHARED,
    TOXICITY,
    USABLE,
)
from counterpoise.measures.sweeps import RecipeResult, SeedResult, SweepResults
from counterpoise.report.rendering import to_text
from counterpoise.report.tables import Row, Table, table
from counterpoise.report.words import MISSING, changed, number, p_value, plain, span

BRIEF = ("LMS", "perplexity", "usable text", "KL")
COSTS: dict[str, tuple[str, str]] = {
    "shared tokens": (SCORE, SHARED),
    "mean |margin|": (ABS_MARGIN, ""),
    "LMS": (LMS, ""),
    "perplexity": (PERPLEXITY, ""),
    "usable text": (USABLE, SAMPLED),
    "toxicity": (TOXICITY, ""),
    "KL": (OWN_TEXT_KL, ""),
}
"""Column → the measure's name and way; of toxicity the first classifier."""


def methods_page(results: SweepResults, chart: str) -> str:
    """Every method with every cost, its interval and its verdict, as a page.

    Args:
        chart: what the picture of the trade-off shows, in words.
    """
    return plain(to_text("methods.md.j2", chart=chart, table=_wide(results.recipes), **_facts(results)))


def methods_block(results: SweepResults) -> str:
    """The README's table: the score and four costs."""
    titles = ("method", "score, %", *(f"{name}, change" for name in BRIEF), "verdict")
    rows = [
        Row((*_moved(recipe), *(_change(recipe, name) for name in BRIEF), *_verdict(recipe)))
        for recipe in results.recipes
    ]
    return plain(to_text("methods_brief.md.j2", table=table(titles, rows), **_facts(results))).rstrip("\n")


def _facts(results: SweepResults) -> dict[str, object]:
    first = results.recipes[0]
    score = _only(first).measures.one(SCORE)
    return {"model": first.model, "seed": _only(first).seed, "folds": first.folds, "score": score}


def _wide(recipes: Sequence[RecipeResult]) -> Table:
    titles = ("method", "score, %", *COSTS, "lowest group", "verdict")
    rows = [
        Row(
            (
                *_moved(recipe),
                *(_with_interval(recipe, name) for name in COSTS),
                _lowest(recipe),
                *_verdict(recipe),
            )
        )
        for recipe in recipes
    ]
    return table(titles, rows)


def _only(recipe: RecipeResult) -> SeedResult:
    return recipe.seeds[0]


def _moved(recipe: RecipeResult) -> tuple[str, str]:
    score = _only(recipe).measures.one(SCORE)
    return recipe.recipe, f"{number(score.tuned)} ({p_value(score.p or 0.0)})"


def _cost(recipe: RecipeResult, name: str) -> Measure | None:
    measure, by = COSTS[name]
    ways = _only(recipe).measures.ways(measure)
    return next((row for row in ways if not by or row.by == by), None)


def _change(recipe: RecipeResult, name: str) -> str:
    found = _cost(recipe, name)
    return changed(found) if found else MISSING


def _with_interval(recipe: RecipeResult, name: str) -> str:
    found = _cost(recipe, name)
    return f"{changed(found)} ({span(found)})" if found and found.interval else _change(recipe, name)


def _lowest(recipe: RecipeResult) -> str:
    """The group whose sentences fall farthest behind, nats a token."""
    groups = _only(recipe).measures.groups(LIKELIHOOD)
    lowest = min(groups, key=lambda row: row.change, default=None)
    return f"{lowest.group} {changed(lowest)}" if lowest else MISSING


def _verdict(recipe: RecipeResult) -> tuple[str]:
    return (_only(recipe).outcome,)
