"""The sweep's table: a row for each branch and each part of its pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.metrics.significance import Change
from counterpoise.report.sweep.findings import BranchFindings, SweepFindings


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One row; columns and units are described in `artifacts.tables` (SWEEP)."""

    model: str
    recipe: str
    seed: int
    part: str
    value: str
    pairs: int
    base_score: float
    base_low: float
    base_high: float
    tuned_score: float
    tuned_low: float
    tuned_high: float
    change: float
    change_low: float
    change_high: float
    distance_change: float
    distance_low: float
    distance_high: float
    gained: int
    lost: int
    p: float
    holm_p: float
    verdict: str
    outcome: str | None = None
    perplexity_base: float | None = None
    perplexity_tuned: float | None = None
    perplexity_ratio: float | None = None
    perplexity_ratio_low: float | None = None
    perplexity_ratio_high: float | None = None
    usable_base: float | None = None
    usable_tuned: float | None = None
    classifier: str | None = None
    toxicity_base: float | None = None
    toxicity_tuned: float | None = None
    strength: float | None = None
    training_status: str | None = None
    report_key: str | None = None


def sweep_rows(found: SweepFindings) -> list[SweepRow]:
    """Every branch: all pairs (with what it cost), each category, each fold (with its training)."""
    return [row for branch in found.branches for row in _rows(branch)]


def _rows(branch: BranchFindings) -> Iterator[SweepRow]:
    yield _row(branch, "all", "all", branch.overall, _cost(branch))
    for name, change in branch.by_category.items():
        yield _row(branch, "category", name, change, {})
    training = {item["fold"]: item for item in branch.evidence.summary["training"]}
    for fold, change in branch.by_fold.items():
        done = training[fold]
        more = {"strength": done["strength"], "training_status": done["status"]}
        yield _row(branch, "fold", str(fold), change, more)


def _row(branch: BranchFindings, part: str, value: str, change: Change, more: dict[str, Any]) -> SweepRow:
    facts = branch.evidence.facts
    base, tuned = change.base, change.tuned
    return SweepRow(
        facts.model,
        facts.recipe,
        facts.seed,
        part,
        value,
        base.n,
        base.score,
        *base.interval,
        tuned.score,
        *tuned.interval,
        change.difference,
        *change.interval,
        change.distance_change,
        *change.distance_interval,
        change.gained,
        change.lost,
        change.p,
        change.holm_p,
        change.verdict,
        **more,
    )


def _cost(branch: BranchFindings) -> dict[str, Any]:
    """What the branch's own report measured besides the pairs."""
    summary = branch.evidence.summary
    perplexity, text = summary["perplexity"], summary["text"]
    low, high = perplexity["interval"]
    toxicity = next(iter(summary["toxicity"].items()), None)
    found = {
        "outcome": summary["outcome"],
        "perplexity_base": perplexity["base"],
        "perplexity_tuned": perplexity["tuned"],
        "perplexity_ratio": perplexity["ratio"],
        "perplexity_ratio_low": low,
        "perplexity_ratio_high": high,
        "usable_base": text["base"]["usable"],
        "usable_tuned": text["tuned"]["usable"],
        "report_key": branch.evidence.report_key,
    }
    if toxicity:
        name, change = toxicity
        found |= {"classifier": name, "toxicity_base": change["base"], "toxicity_tuned": change["tuned"]}
    return found
