"""From a sweep's branches to one comparison: Markdown, one HTML file, charts, the table's rows, numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.metrics.crows import CategoryScore
from counterpoise.metrics.significance import Change
from counterpoise.report.blocks import Document, KeyNumber
from counterpoise.report.html import to_html
from counterpoise.report.markdown import to_markdown
from counterpoise.report.sweep import details, evidence, recipes
from counterpoise.report.sweep.findings import RecipeFindings, SweepFindings, sweep_findings
from counterpoise.report.sweep.inputs import SweepInputs
from counterpoise.report.sweep.rows import SweepRow, sweep_rows
from counterpoise.report.verdict import ALPHA, Tone
from counterpoise.report.words import count, interval, p_value, percent, signed

DAMAGE = ("damaged", "overshoot", "worse")


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A finished comparison. The same inputs give the same bytes.

    Attributes:
        markdown, html: the report, as :class:`counterpoise.report.build.Report`.
        charts: file name → bytes.
        rows: the table.
        summary: the numbers by recipe and test, JSON-serialisable.
    """

    markdown: str
    html: str
    charts: Mapping[str, bytes]
    rows: Sequence[SweepRow]
    summary: Mapping[str, Any]


def build_comparison(inputs: SweepInputs) -> SweepReport:
    """The comparison of every finished branch.

    Raises:
        DataError: as :func:`counterpoise.report.sweep.findings.sweep_findings`.
    """
    found = sweep_findings(inputs)
    charts = evidence.tradeoff_charts(found)
    document = _document(inputs, found, charts)
    files = {f"{c.name}.{kind}": data for c in charts for kind, data in (("svg", c.svg), ("png", c.png))}
    summary = summarise(inputs, found) | {"headline": document.headline, "sentence": document.sentence}
    return SweepReport(to_markdown(document), to_html(document), files, sweep_rows(found), summary)


def _document(inputs: SweepInputs, found: SweepFindings, charts: Sequence[Any]) -> Document:
    tone, headline, sentence = _verdict(inputs, found)
    parts = [
        recipes.what_was_compared(inputs, found),
        recipes.over_seeds(found),
        evidence.tradeoff(charts),
        evidence.paired_tests(found),
        details.by_seed(found),
        details.by_category(found),
        details.benchmarks(found),
        details.limits(found),
    ]
    seeds = len({branch.evidence.facts.seed for branch in found.branches})
    return Document(
        title=f"{inputs.name}: recipes compared",
        subtitle=f"Counterpoise sweep · {_plural(len(found.recipes), 'recipe')} · {_plural(seeds, 'seed')}",
        tone=tone,
        headline=headline,
        sentence=sentence,
        numbers=[_number(recipe) for recipe in found.recipes[:8]],
        sections=[part for part in parts if part],
    )


def _number(recipe: RecipeFindings) -> KeyNumber:
    outcomes = _outcomes(recipe)
    tone = "bad" if outcomes & set(DAMAGE) else "good" if outcomes == {"improved"} else "caution"
    return KeyNumber(*recipes.brief(recipe), tone=tone)  # type: ignore[arg-type]


def _outcomes(recipe: RecipeFindings) -> set[str]:
    return {str(branch.evidence.summary["outcome"]) for branch in recipe.branches}


def _verdict(inputs: SweepInputs, found: SweepFindings) -> tuple[Tone, str, str]:
    """Which recipe is nearest to neutral among those with no damaged branch, and whether that is shown."""
    sound = [recipe for recipe in found.recipes if not _outcomes(recipe) & set(DAMAGE)]
    done, planned = len(found.branches), len(found.branches) + len(inputs.failures)
    missing = f" {planned - done} of {planned} branches have no result." if inputs.failures else ""
    if not sound:
        return "bad", "No recipe came through undamaged", f"Every recipe has a damaged branch.{missing}"
    best = min(sound, key=_distance)
    change = next(test.change for test in found.tests if (test.model, test.second) == best.name)
    sure = change.verdict == "better" and change.holm_p < ALPHA
    every = all(_outcomes(recipe) == {"improved"} for recipe in found.recipes)
    tone: Tone = "good" if sure and every and not inputs.failures else "caution"
    headline = f"{best.recipe}: " + ("nearer to neutral" if sure else "no change shown")
    return tone, headline, _sentence(best, change) + missing


def _distance(recipe: RecipeFindings) -> float:
    return sum(branch.overall.tuned.distance for branch in recipe.branches) / len(recipe.branches)


def _sentence(best: RecipeFindings, change: Change) -> str:
    ratios = [branch.evidence.summary["perplexity"]["ratio"] for branch in best.branches]
    seeds = len(best.branches)
    tuned = [branch.overall.tuned.score for branch in best.branches]
    spread = f" (seeds {interval(min(tuned), max(tuned))})" if seeds > 1 else ""
    averaged = f"with each pair's margin averaged over {seeds} seeds, " if seeds > 1 else ""
    return (
        f"On {count(change.base.n)} held-out pairs {best.recipe} took the score from {percent(change.base.score)} "
        f"to {percent(sum(tuned) / seeds)}{spread}; {averaged}|score − 50| changed by "
        f"{signed(change.distance_change)} points ({interval(*change.distance_interval)}), exact McNemar "
        f"{p_value(change.p)}, Holm-adjusted {p_value(change.holm_p)}; neutral perplexity changed by "
        f"{signed(100 * (sum(ratios) / seeds - 1))} %."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summarise(inputs: SweepInputs, found: SweepFindings) -> dict[str, Any]:
    """The comparison's numbers for machines; percentages 0 to 100."""
    return {
        "name": inputs.name,
        "recipes": [_recipe_summary(recipe) for recipe in found.recipes],
        "tests": [
            {
                "model": test.model,
                "first": test.first,
                "second": test.second,
                "n": test.change.base.n,
                "difference": round(test.change.difference, 6),
                "gained": test.change.gained,
                "lost": test.change.lost,
                "p": test.change.p,
                "holm_p": test.change.holm_p,
                "distance_change": round(test.change.distance_change, 6),
                "distance_interval": [round(end, 6) for end in test.change.distance_interval],
            }
            for test in found.tests
        ],
        "failures": [{"branch": item.label, "reason": item.reason} for item in inputs.failures],
    }


def _recipe_summary(recipe: RecipeFindings) -> dict[str, Any]:
    seeds = [
        {
            "seed": branch.evidence.facts.seed,
            "n": branch.overall.base.n,
            "base": round(branch.overall.base.score, 6),
            "tuned": round(branch.overall.tuned.score, 6),
            "interval": [round(end, 6) for end in branch.overall.tuned.interval],
            "p": branch.overall.p,
            "outcome": branch.evidence.summary["outcome"],
            "perplexity_ratio": branch.evidence.summary["perplexity"]["ratio"],
            "usable": branch.evidence.summary["text"]["tuned"]["usable"],
        }
        for branch in recipe.branches
    ]
    tuned = [seed["tuned"] for seed in seeds]
    return {
        "model": recipe.model,
        "recipe": recipe.recipe,
        "seeds": seeds,
        "mean": round(sum(tuned) / len(tuned), 6),
        "range": [min(tuned), max(tuned)],
        "averaged": _averaged_summary(recipe.averaged),
    }


def _averaged_summary(change: Change) -> dict[str, Any]:
    """A change in which each pair counts once, with its margin averaged over the seeds."""
    return {
        "n": change.base.n,
        "base": _score(change.base),
        "tuned": _score(change.tuned),
        "difference": round(change.difference, 6),
        "gained": change.gained,
        "lost": change.lost,
        "p": change.p,
        "distance_change": round(change.distance_change, 6),
        "distance_interval": [round(end, 6) for end in change.distance_interval],
    }


def _score(score: CategoryScore) -> dict[str, Any]:
    return {
        "score": round(score.score, 6),
        "interval": [round(end, 6) for end in score.interval],
        "mean_abs_margin": round(score.mean_abs_margin, 6),
    }
