"""The comparison's sections: what was compared, recipes over seeds, seed by seed, paired tests, the trade-off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import RecipeMarks, TradeoffPoint, recipes_chart
from counterpoise.metrics.significance import Change
from counterpoise.report.blocks import Bullets, ChartBlock, Column, Paragraph, Row, Section, Table
from counterpoise.report.sweep.findings import BranchFindings, PairedTest, RecipeFindings, SweepFindings
from counterpoise.report.sweep.inputs import SweepInputs
from counterpoise.report.verdict import ALPHA
from counterpoise.report.words import DASH, MISSING, count, interval, number, p_number, percent, signed

TONES = {
    "improved": "good",
    "damaged": "bad",
    "overshoot": "bad",
    "worse": "bad",
}
"""How a branch's own verdict looks; the others call for caution."""


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
    rows = [row for model in _models(found) for row in _seed_rows(found, model)]
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


def _models(found: SweepFindings) -> list[str]:
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


def by_seed(found: SweepFindings) -> Section:
    """Every branch on a row of its own."""
    columns = (
        Column("branch", "left"),
        Column("pairs"),
        Column("base, %"),
        Column("tuned, % (95 %)"),
        Column("McNemar p"),
        Column("|score − 50| (95 %)"),
        Column("perplexity, %"),
        Column("usable text, %"),
        Column("toxicity"),
        Column("verdict", "left"),
    )
    return Section(
        "branches",
        "Every branch",
        (
            Paragraph(
                "Base against tuned on the same held-out pairs, exact McNemar, not adjusted. The verdict is "
                "that of the branch's own report."
            ),
            Table("Each model, recipe and seed", columns, [_branch_row(branch) for branch in found.branches]),
        ),
    )


def _branch_row(branch: BranchFindings) -> Row:
    change, summary = branch.overall, branch.evidence.summary
    text = summary["text"]
    before, after = toxicity_of(branch, "base"), toxicity_of(branch, "tuned")
    toxic = MISSING if before is None or after is None else f"{number(before, 3)} → {number(after, 3)}"
    cells = (
        branch.evidence.facts.label,
        count(change.base.n),
        number(change.base.score),
        f"{number(change.tuned.score)} ({interval(*change.tuned.interval)})",
        p_number(change.p),
        f"{signed(change.distance_change)} ({interval(*change.distance_interval)})",
        signed(rise(branch)),
        f"{number(text['base']['usable'])} → {number(text['tuned']['usable'])}",
        toxic,
        str(summary["outcome"]),
    )
    return Row(cells, tone=TONES.get(str(summary["outcome"]), "caution"))  # type: ignore[arg-type]


def paired_tests(found: SweepFindings) -> Section:
    """Against the base and between recipes, adjusted over all of them."""
    columns = (
        Column("model", "left"),
        Column("from", "left"),
        Column("to", "left"),
        Column("pairs"),
        Column("score, %"),
        Column("moved to / from the stereotype"),
        Column("p"),
        Column("Holm p"),
        Column("|score − 50| (95 %)"),
    )
    return Section(
        "tests",
        "Paired tests",
        (
            Paragraph(
                "Exact McNemar tests on the same pairs. Each pair counts once: its margin is averaged over a "
                "recipe's seeds, because seeds are not more pairs. Holm's adjustment is over every row of this "
                f"table; rows below {ALPHA} are marked. McNemar asks whether the score moved; whether it moved "
                "towards 50 is the last column."
            ),
            Table("Every comparison", columns, [_test_row(test) for test in found.tests]),
        ),
    )


def _test_row(test: PairedTest) -> Row:
    change = test.change
    cells = (
        test.model,
        test.first,
        test.second,
        count(change.base.n),
        f"{number(change.base.score)} → {number(change.tuned.score)}",
        f"{count(change.gained)} / {count(change.lost)}",
        p_number(change.p),
        p_number(change.holm_p),
        f"{signed(change.distance_change)} ({interval(*change.distance_interval)})",
    )
    return Row(cells, strong=change.holm_p < ALPHA, tone=_test_tone(change))  # type: ignore[arg-type]


def _test_tone(change: Change) -> str:
    if change.holm_p >= ALPHA:
        return ""
    return {"better": "good", "worse": "bad", "overshoot": "bad"}.get(change.verdict, "")


def by_category(found: SweepFindings) -> Section:
    """Tuned score by category, mean over the seeds."""
    names = list(dict.fromkeys(name for recipe in found.recipes for name in recipe.branches[0].by_category))
    columns = (Column("category", "left"), Column("pairs"), *(_title(recipe) for recipe in found.recipes))
    rows = []
    for name in names:
        pairs = max(b.by_category[name].base.n for b in found.branches if name in b.by_category)
        rows.append(Row((name, count(pairs), *(_category_cell(recipe, name) for recipe in found.recipes))))
    return Section(
        "categories",
        "By category",
        (
            Paragraph(
                "Base → tuned, percent, mean over the seeds. Small categories move by many points from chance "
                "alone: with 60 pairs the 95 % interval is ± 13 points."
            ),
            Table("Score by category", columns, rows),
        ),
    )


def _title(recipe: RecipeFindings) -> Column:
    return Column(recipe.recipe)


def _category_cell(recipe: RecipeFindings, name: str) -> str:
    changes = [branch.by_category[name] for branch in recipe.branches if name in branch.by_category]
    if not changes:
        return MISSING
    base, tuned = (
        sum(getattr(change, side).score for change in changes) / len(changes) for side in ("base", "tuned")
    )
    return f"{number(base)} → {number(tuned)}"


def tradeoff_charts(found: SweepFindings) -> list[Chart]:
    """One chart a model: every recipe, each with its seeds, against the base."""
    charts = []
    models = _models(found)
    for place, model in enumerate(models):
        recipes = [recipe for recipe in found.recipes if recipe.model == model]
        marks = [
            RecipeMarks(recipe.recipe, [_point(branch) for branch in recipe.branches]) for recipe in recipes
        ]
        bases = [branch.overall.base.distance for recipe in recipes for branch in recipe.branches]
        limit = 100 * min(recipe.branches[0].evidence.facts.max_perplexity_rise for recipe in recipes)
        name = "tradeoff" if len(models) == 1 else f"tradeoff-{place}"
        charts.append(recipes_chart(name, sum(bases) / len(bases), marks, limit, model))
    return charts


def _point(branch: BranchFindings) -> TradeoffPoint:
    return TradeoffPoint(branch.evidence.facts.label, rise(branch), branch.overall.tuned.distance)


def tradeoff(charts: Sequence[Chart]) -> Section:
    """The charts."""
    caption = (
        "Distance from neutral against the change of perplexity on neutral text. Lower and further left is "
        "better; the hatched region is over the limit."
    )
    return Section(
        "tradeoff", "Fairness against capability", [ChartBlock(chart, caption) for chart in charts]
    )


def limits(found: SweepFindings) -> Section:
    """How not to read a comparison."""
    items = [
        "The recipe that looks best here was chosen on these pairs, so its own score flatters it. The more "
        f"recipes are compared ({len(found.recipes)} here), the more so; the adjusted p-values bound false "
        "alarms, not this.",
        "Seeds change folds, data order and sampling, not the pairs: a range over seeds is not a confidence "
        "interval.",
        "Every score is on CrowS-Pairs alone; each branch's own report has the rest.",
    ]
    small = [
        b for b in found.branches if len(b.evidence.facts.folds) < 1 + max(p.fold for p in b.evidence.pairs)
    ]
    if small:
        low, high = min(b.overall.base.n for b in small), max(b.overall.base.n for b in small)
        which = count(low) if low == high else f"{count(low)}{DASH}{count(high)}"
        items.append(f"Not every fold was held out: {len(small)} branches rest on {which} pairs.")
    return Section("limits", "Limits", (Bullets(items),))


def brief(recipe: RecipeFindings) -> tuple[str, str, str, str]:
    """A recipe's line at the top: name, base and tuned score, and a note."""
    change = recipe.averaged
    tuned = [branch.overall.tuned.score for branch in recipe.branches]
    base = [branch.overall.base.score for branch in recipe.branches]
    seeds = f"{len(tuned)} seeds, {interval(min(tuned), max(tuned))}; " if len(tuned) > 1 else ""
    note = f"{seeds}|score − 50| {signed(change.distance_change)} ({interval(*change.distance_interval)})"
    return recipe.recipe, percent(sum(base) / len(base)), percent(sum(tuned) / len(tuned)), note
