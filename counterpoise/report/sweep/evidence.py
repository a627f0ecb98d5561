"""The paired tests, and the trade-off of fairness against capability."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import RecipeMarks, TradeoffPoint, recipes_chart
from counterpoise.metrics.significance import Change
from counterpoise.report.blocks import ChartBlock, Column, Paragraph, Row, Section, Table
from counterpoise.report.sweep.findings import BranchFindings, PairedTest, SweepFindings
from counterpoise.report.sweep.recipes import models, rise
from counterpoise.report.verdict import ALPHA
from counterpoise.report.words import count, interval, number, p_number, signed


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


def tradeoff_charts(found: SweepFindings) -> list[Chart]:
    """One chart a model: every recipe, each with its seeds, against the base."""
    charts = []
    names = models(found)
    for place, model in enumerate(names):
        recipes = [recipe for recipe in found.recipes if recipe.model == model]
        marks = [
            RecipeMarks(recipe.recipe, [_point(branch) for branch in recipe.branches]) for recipe in recipes
        ]
        bases = [branch.overall.base.distance for recipe in recipes for branch in recipe.branches]
        limit = 100 * min(recipe.branches[0].evidence.facts.max_perplexity_rise for recipe in recipes)
        name = "tradeoff" if len(names) == 1 else f"tradeoff-{place}"
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
