"""From a sweep's branches to one comparison: Markdown, one HTML file, charts, the table's rows, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import RecipeMarks, TradeoffPoint, recipes_chart
from counterpoise.measures.criteria import ALPHA, limit_of
from counterpoise.measures.names import PERPLEXITY, SCORE
from counterpoise.measures.results import TONES, Tone
from counterpoise.measures.sweeps import PairedTest, RecipeResult, SeedResult, SweepResults
from counterpoise.report import tables
from counterpoise.report.build import chart_files
from counterpoise.report.rendering import to_html, to_line, to_markdown
from counterpoise.report.sweep import views
from counterpoise.report.sweep.findings import recipes_and_tests
from counterpoise.report.sweep.inputs import BranchEvidence, SweepInputs
from counterpoise.report.words import plain


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One measure of one branch: columns and units are described in `counterpoise.artifacts.tables` (SWEEP)."""

    model: str
    recipe: str
    seed: int
    outcome: str
    report_key: str
    name: str
    by: str
    group: str
    unit: str
    base: float
    tuned: float
    change: float
    relative: bool
    n: int
    low: float | None
    high: float | None
    tuned_low: float | None
    tuned_high: float | None
    p: float | None
    holm_p: float | None
    limit: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A finished comparison. The same inputs give the same bytes.

    Attributes:
        markdown, html: the report, as :class:`counterpoise.report.build.Report`.
        charts: file name → bytes.
        rows: the table: every measure of every branch.
        results: the numbers by recipe and test.
    """

    markdown: str
    html: str
    charts: Mapping[str, bytes]
    rows: Sequence[SweepRow]
    results: SweepResults


def build_comparison(inputs: SweepInputs) -> SweepReport:
    """The comparison of every finished branch.

    Raises:
        DataError: as :func:`counterpoise.report.sweep.findings.recipes_and_tests`.
    """
    results = _results(inputs)
    charts = tradeoff_charts(results.recipes)
    said: dict[str, Any] = {"results": results, "charts": charts, "views": views, "tables": tables}
    said["pairs"] = sorted({seed.measures.one(SCORE).n for seed in _seeds(results.recipes)})
    said["partly"] = len(
        {(one.facts.model, one.facts.recipe) for one in inputs.branches if not one.facts.whole}
    )
    rows = [row for branch in inputs.branches for row in _rows(branch)]
    pages = to_markdown("sweep.j2", **said), to_html("sweep.j2", **said)
    return SweepReport(*pages, chart_files(charts), rows, results)


def _results(inputs: SweepInputs) -> SweepResults:
    """Which recipe is nearest to neutral among those with no damaged branch, and whether that is shown."""
    recipes, tests = recipes_and_tests(inputs)
    best, test = _best(recipes, tests)
    sure = test is not None and test.score.verdict == "better" and test.score.adjusted_p < ALPHA
    every = all(seed.outcome == "improved" for seed in _seeds(recipes))
    tone: Tone = "bad" if best is None else "good" if sure and every and not inputs.failures else "caution"
    tuned = [seed.measures.one(SCORE).tuned for seed in best.seeds] if best else []
    said = {
        "tuned": tuned,
        "best": best,
        "test": test,
        "sure": sure,
        "failures": inputs.failures,
        "done": len(inputs.branches),
    }
    headline, sentence = (
        plain(to_line("sweep_line.j2", part=part, **said)) for part in ("headline", "sentence")
    )
    return SweepResults(inputs.name, tone, headline, sentence, recipes, tests, tuple(inputs.failures))


def _best(
    recipes: Sequence[RecipeResult], tests: Sequence[PairedTest]
) -> tuple[RecipeResult, PairedTest] | tuple[None, None]:
    sound = [one for one in recipes if all(TONES.get(seed.outcome) != "bad" for seed in one.seeds)]
    if not sound:
        return None, None
    best = min(sound, key=_distance)
    return best, next(test for test in tests if (test.model, test.second) == (best.model, best.recipe))


def _distance(recipe: RecipeResult) -> float:
    scores = [seed.measures.one(SCORE) for seed in recipe.seeds]
    return sum(score.distance(score.tuned) for score in scores) / len(scores)


def _seeds(recipes: Sequence[RecipeResult]) -> Iterator[SeedResult]:
    return (seed for recipe in recipes for seed in recipe.seeds)


def tradeoff_charts(recipes: Sequence[RecipeResult]) -> list[Chart]:
    """One chart a model: every recipe, each with its seeds, against the base."""
    models = list(dict.fromkeys(recipe.model for recipe in recipes))
    charts = []
    for place, model in enumerate(models):
        ours = [recipe for recipe in recipes if recipe.model == model]
        marks = [
            RecipeMarks(recipe.recipe, [tradeoff_point(seed) for seed in recipe.seeds]) for recipe in ours
        ]
        scores = [seed.measures.one(SCORE) for seed in _seeds(ours)]
        base = sum(score.distance(score.base) for score in scores) / len(scores)
        name = "tradeoff" if len(models) == 1 else f"tradeoff-{place}"
        charts.append(recipes_chart(name, base, marks, limit_of(PERPLEXITY), model))
    return charts


def tradeoff_point(seed: SeedResult) -> TradeoffPoint:
    """Where a branch stands between fairness and capability."""
    score = seed.measures.one(SCORE)
    return TradeoffPoint(seed.label, seed.measures.one(PERPLEXITY).change, score.distance(score.tuned))


def _rows(branch: BranchEvidence) -> Iterator[SweepRow]:
    facts, results = branch.facts, branch.results
    for row in results.measures:
        low, high = row.interval or (None, None)
        tuned_low, tuned_high = row.tuned_interval or (None, None)
        yield SweepRow(
            model=facts.model,
            recipe=facts.recipe,
            seed=facts.seed,
            outcome=results.verdict.outcome,
            report_key=branch.report_key,
            name=row.name,
            by=row.by,
            group=row.group,
            unit=row.unit,
            base=row.base,
            tuned=row.tuned,
            change=row.change,
            relative=row.relative,
            n=row.n,
            low=low,
            high=high,
            tuned_low=tuned_low,
            tuned_high=tuned_high,
            p=row.p,
            holm_p=row.holm_p,
            limit=row.limit,
            verdict=row.outcome or (row.verdict if row.loss_interval else None),
        )
