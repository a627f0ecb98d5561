"""Every branch, the categories, the other benchmarks, and how not to read a comparison."""

from __future__ import annotations

from counterpoise.report.blocks import Bullets, Column, Paragraph, Row, Section, Table
from counterpoise.report.sweep.findings import BranchFindings, RecipeFindings, SweepFindings
from counterpoise.report.sweep.recipes import rise, toxicity_of
from counterpoise.report.words import DASH, MISSING, count, interval, number, p_number, signed

TONES = {
    "improved": "good",
    "damaged": "bad",
    "overshoot": "bad",
    "worse": "bad",
}
"""How a branch's own verdict looks; the others call for caution."""


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


def benchmarks(found: SweepFindings) -> Section | None:
    """The other benchmarks of the branches' reports; None where none was measured."""
    names = dict.fromkeys(name for branch in found.branches for name in _benchmarks(branch))
    if not names:
        return None
    columns = (
        Column("benchmark", "left"),
        Column("measure", "left"),
        *(_title(recipe) for recipe in found.recipes),
    )
    rows = [
        Row((*name, *(_benchmark_cell(recipe, name) for recipe in found.recipes))) for name in sorted(names)
    ]
    return Section(
        "benchmarks",
        "Other benchmarks",
        (
            Paragraph(
                "Base → tuned, mean over the seeds. Intervals and aims stand in each branch's own report."
            ),
            Table("Benchmarks beside CrowS-Pairs", columns, rows),
        ),
    )


def _benchmarks(branch: BranchFindings) -> dict[tuple[str, str], tuple[float, float]]:
    rows = branch.evidence.summary.get("benchmarks", [])
    return {(row["benchmark"], row["metric"]): (row["base"], row["tuned"]) for row in rows}


def _benchmark_cell(recipe: RecipeFindings, name: tuple[str, str]) -> str:
    values = [found[name] for branch in recipe.branches if name in (found := _benchmarks(branch))]
    if not values:
        return MISSING
    base, tuned = (sum(pair[side] for pair in values) / len(values) for side in (0, 1))
    return f"{number(base, 2)} → {number(tuned, 2)}"


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
