"""What was compared, and each recipe over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoise.report.blocks import Column, Paragraph, Row, Section, Table
from counterpoise.report.sweep.findings import BranchFindings, RecipeFindings, SweepFindings
from counterpoise.report.sweep.inputs import SweepInputs
from counterpoise.report.words import MISSING, count, interval, number, percent, signed


def what_was_compared(inputs: SweepInputs, found: SweepFindings) -> Section:
    """The recipes and their settings, and which branches are missing."""
    rows = []
    for recipe in found.recipes:
        facts = recipe.branches[0].evidence.facts
        seeds = ", ".join(str(branch.evidence.facts.seed) for branch in recipe.branches)
        settings = " · ".join(facts.settings) or "the profile as it is"
        folds = ", ".join(str(fold) for fold in facts.folds)
        rows.append(Row((recipe.recipe, recipe.model, settings, seeds, folds)))
    columns = tuple(
        Column(name, "left") for name in ("recipe", "model", "settings", "seeds", "held-out folds")
    )
    blocks: list[Paragraph | Table] = [Table("Finished branches", columns, rows)]
    if inputs.failures:
        failed = [Row((item.label, item.reason, item.resume), tone="bad") for item in inputs.failures]
        titles = ("branch", "reason", "go on with")
        blocks.append(Table("Branches without a result", [Column(title, "left") for title in titles], failed))
    return Section("compared", "What was compared", blocks)


def over_seeds(found: SweepFindings) -> Section:
    """Mean and range over the seeds of each recipe."""
    columns = (
        Column("recipe", "left"),
        Column("seeds"),
        Column("score, %"),
        Column("|score − 50|"),
        Column("perplexity, %"),
        Column("usable text, %"),
        Column("toxicity"),
    )
    rows = [row for model in models(found) for row in _seed_rows(found, model)]
    return Section(
        "seeds",
        "Recipes, over their seeds",
        (
            Paragraph(
                "Mean over the seeds, and the lowest and highest seed in brackets. The score is over every "
                "held-out pair, each scored by an adapter that never saw it; neutral is 50. Perplexity is the "
                "change on neutral text."
            ),
            Table("Mean (range) over seeds", columns, rows),
        ),
    )


def models(found: SweepFindings) -> list[str]:
    """The base models, in the plan's order."""
    return list(dict.fromkeys(recipe.model for recipe in found.recipes))


def _seed_rows(found: SweepFindings, model: str) -> list[Row]:
    recipes = [recipe for recipe in found.recipes if recipe.model == model]
    rows = [_spread_row(f"base · {model}", recipes[0].branches, "base")]
    return rows + [_spread_row(recipe.recipe, recipe.branches, "tuned") for recipe in recipes]


def _spread_row(name: str, branches: Sequence[BranchFindings], side: str) -> Row:
    def spread(value: Callable[[BranchFindings], float | None], digits: int = 1) -> str:
        values = [item for item in map(value, branches) if item is not None]
        return mean_and_range(values, digits) if values else MISSING

    is_base = side == "base"
    cells = (
        name,
        count(len(branches)),
        spread(lambda branch: getattr(branch.overall, side).score),
        spread(lambda branch: getattr(branch.overall, side).distance),
        MISSING if is_base else spread(rise),
        spread(lambda branch: branch.evidence.summary["text"][side]["usable"]),
        spread(lambda branch: toxicity_of(branch, side), 3),
    )
    return Row(cells, strong=is_base)


def mean_and_range(values: Sequence[float], digits: int = 1) -> str:
    """The mean, and the lowest and highest in brackets when there are several.

    >>> mean_and_range([51.0, 53.0]), mean_and_range([51.0])
    ('52.0 (51.0–53.0)', '51.0')
    """
    mean = number(sum(values) / len(values), digits)
    return f"{mean} ({interval(min(values), max(values), digits)})" if len(values) > 1 else mean


def rise(branch: BranchFindings) -> float:
    """Change of neutral perplexity, percent."""
    return float(100 * (branch.evidence.summary["perplexity"]["ratio"] - 1))


def toxicity_of(branch: BranchFindings, side: str) -> float | None:
    """Mean toxicity of the continuations by the first classifier; None where it was not measured."""
    values = list(branch.evidence.summary["toxicity"].values())
    return float(values[0][side]) if values else None


def brief(recipe: RecipeFindings) -> tuple[str, str, str, str]:
    """A recipe's line at the top: name, base and tuned score, and a note."""
    change = recipe.averaged
    tuned = [branch.overall.tuned.score for branch in recipe.branches]
    base = [branch.overall.base.score for branch in recipe.branches]
    seeds = f"{len(tuned)} seeds, {interval(min(tuned), max(tuned))}; " if len(tuned) > 1 else ""
    note = f"{seeds}|score − 50| {signed(change.distance_change)} ({interval(*change.distance_interval)})"
    return recipe.recipe, percent(sum(base) / len(base)), percent(sum(tuned) / len(tuned)), note
