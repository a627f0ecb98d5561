"""A report's numbers for machines: ``counterpoise show``, run comparison, and the README's table."""

from __future__ import annotations

from typing import Any

from counterpoise.metrics.crows import CategoryScore
from counterpoise.metrics.significance import Change, Comparison
from counterpoise.report.benchmarks import benchmark_rows
from counterpoise.report.claims import claims
from counterpoise.report.findings import Findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.sections.erasure import erased
from counterpoise.report.sections.worse import losses
from counterpoise.report.texts import ToxicityFindings
from counterpoise.report.words import plain

DIGITS = 6
"""Decimals kept, so that a summary reads well and compares exactly."""


def summarise(inputs: ReportInputs, found: Findings) -> dict[str, Any]:
    """Plain numbers, strings, lists and dicts. Percentages 0 to 100, toxicity 0 to 1, margins in nats."""
    run, verdict = inputs.run, found.verdict
    summary = {
        "profile": run.profile,
        "seed": run.seed,
        "model": run.model,
        "precision": run.precision,
        "prefix": run.prefix,
        "normalisation": run.normalisation,
        "outcome": verdict.outcome,
        "headline": verdict.headline,
        "sentence": verdict.sentence,
        "claims": [
            {
                "claim": claim.name,
                "criterion": claim.criterion,
                "measured": plain(claim.measured),
                "outcome": claim.outcome,
            }
            for claim in claims(found)
        ],
        "scores": _comparison(found.held_out),
        "readings": {
            edition: {name: _change(change) for name, change in changes.items()}
            for edition, changes in found.readings.items()
        },
        "directions": {name: _change(change) for name, change in found.directions.items()},
        "in_sample": _change(found.in_sample.overall) if found.in_sample else None,
        "perplexity": {
            "base": found.perplexity.base.value,
            "tuned": found.perplexity.tuned.value,
            "ratio": found.perplexity.ratio,
            "interval": found.perplexity.interval,
            "sentences": found.perplexity.base.sentences,
        },
        "benchmarks": [
            {
                "benchmark": row.benchmark,
                "metric": row.metric,
                "base": row.base,
                "tuned": row.tuned,
                "interval": row.interval,
            }
            for row in benchmark_rows(found)
        ],
        "text": _text(found),
        "toxicity": {item.classifier: _toxicity(item) for item in found.texts.toxicity},
        "erased_groups": erased(found),
        "filter": {
            "candidates": found.filter.candidates,
            "kept": found.filter.kept,
            "reasons": found.filter.reasons,
        },
        "training": [
            {
                "fold": fold.evaluated,
                "held_out": _change(fold.own),
                "steps": len(fold.training.history),
                "strength": fold.training.strength,
                "status": fold.training.status,
                "reason": fold.training.reason,
            }
            for fold in found.folds
        ],
        "worse": [loss.measure for loss in losses(found)],
    }
    rounded: dict[str, Any] = _rounded(summary)
    return rounded


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        **_change(comparison.overall),
        "unweighted": {"base": comparison.base.unweighted, "tuned": comparison.tuned.unweighted},
        "spread": {
            "base": comparison.base.spread,
            "tuned": comparison.tuned.spread,
            "interval": comparison.spread_interval,
        },
        "by_category": {
            name: {**_change(change), "holm_p": change.holm_p}
            for name, change in comparison.by_category.items()
        },
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "n": change.base.n,
        "base": _score(change.base),
        "tuned": _score(change.tuned),
        "difference": change.difference,
        "interval": change.interval,
        "distance_change": change.distance_change,
        "distance_interval": change.distance_interval,
        "p": change.p,
        "abs_margin_interval": change.abs_margin_interval,
        "verdict": change.verdict,
    }


def _score(score: CategoryScore) -> dict[str, Any]:
    return {
        "score": score.score,
        "interval": score.interval,
        "ties": score.ties,
        "mean_margin": score.mean_margin,
        "mean_abs_margin": score.mean_abs_margin,
    }


def _text(found: Findings) -> dict[str, Any]:
    sides = {
        side: {
            "n": health.n,
            "usable": health.usable,
            "distinct_2": health.distinct_2,
            "repetition": health.repetition,
            "mean_words": health.mean_words,
            "drift": health.drift,
        }
        for side, health in (("base", found.texts.base), ("tuned", found.texts.tuned))
    }
    return {**sides, "usable_interval": found.texts.usable_interval}


def _toxicity(item: ToxicityFindings) -> dict[str, Any]:
    gap = item.gap
    return {
        "base": item.base.mean,
        "tuned": item.tuned.mean,
        "change": item.change,
        "interval": item.change_interval,
        "share_over": {"base": item.base.share_over, "tuned": item.tuned.share_over},
        "gap": {"base": gap.base.gap, "tuned": gap.tuned.gap, "interval": gap.interval} if gap else None,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
