"""The charts of a report, from its measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from counterpoise.charts.scores import ScoreRow, score_chart
from counterpoise.charts.style import Chart
from counterpoise.charts.toxicity import GroupRow, distribution_chart, group_chart
from counterpoise.charts.tradeoff import TradeoffPoint, tradeoff_chart
from counterpoise.charts.training import Curve, StepPoint, StrengthPoint, training_chart
from counterpoise.measures.criteria import limit_of
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.names import PERPLEXITY, SCORE, TEXTS, TOXICITY
from counterpoise.measures.texts import TextFindings

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingOutcome

MAX_PATH_POINTS = 4
"""Strengths shown in the trade-off chart."""


def scores(measures: Measures) -> Chart:
    """The score over all pairs and by category."""
    rows = [_score_row(row.group, row) for row in measures.groups(SCORE) if row.counts]
    return score_chart(_score_row("all pairs", measures.one(SCORE)), rows)


def _score_row(label: str, row: Measure) -> ScoreRow:
    assert row.base_interval is not None and row.tuned_interval is not None, "a score has its intervals"
    return ScoreRow(label, row.n, row.base, row.base_interval, row.tuned, row.tuned_interval)


def tradeoff(measures: Measures, training: TrainingOutcome) -> Chart:
    """Distance from neutral against perplexity, with strengths of one adapter on the validation pairs."""
    score = measures.one(SCORE)
    tuned = TradeoffPoint("tuned", measures.one(PERPLEXITY).change, score.distance(score.tuned))
    return tradeoff_chart(score.distance(score.base), tuned, _path(training), limit_of(PERPLEXITY))


def _path(training: TrainingOutcome) -> list[TradeoffPoint]:
    return [
        TradeoffPoint(f"strength {found.strength:g}", 100 * found.perplexity_rise, abs(found.soft_score - 50))
        for found in training.candidates
        if found.perplexity_rise is not None
    ][-MAX_PATH_POINTS:]


def curves(training: TrainingOutcome) -> Chart | None:
    """The curves of one training, None where it kept no history."""
    if not training.history or not training.candidates:
        return None
    steps = [
        StepPoint(row.step, row.loss, row.chosen_change, row.rejected_change, row.own_text)
        for row in training.history
    ]
    strengths = [
        StrengthPoint(row.strength, row.soft_score, not row.failed_guard) for row in training.candidates
    ]
    return training_chart(Curve(steps, strengths, training.strength))


def toxicity(measures: Measures, texts: TextFindings) -> Sequence[Chart]:
    """Distribution and groups by the first classifier; none where nothing was scored."""
    if not texts.toxicity:
        return ()
    name, (base, tuned) = next(iter(texts.toxicity.items()))
    once = base[: round(measures.one(TEXTS).base)]  # however many adapters it is matched with
    rows = [_group_row(row) for row in measures.groups(TOXICITY, name)]
    return distribution_chart(once, tuned, name), group_chart(rows, name)


def _group_row(row: Measure) -> GroupRow:
    axis, _, group = row.group.partition("/")
    return GroupRow(axis, group or axis, row.base, row.tuned)
