"""What got worse: every measure that moved the wrong way, looked for by rule and not by choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.metrics.crows import NEUTRAL
from counterpoise.metrics.significance import CHANGED, Change
from counterpoise.report.benchmarks import benchmark_rows
from counterpoise.report.blocks import Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import Findings
from counterpoise.report.inputs import BenchmarkRow
from counterpoise.report.words import number, percent, signed

BEYOND, WITHIN, UNTESTED = "beyond noise", "within noise", "not tested"
GROUPS_SHOWN = 3
"""Groups whose toxicity rose most that are listed for each classifier."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One measure that moved the wrong way, in words."""

    measure: str
    base: str
    tuned: str
    change: str
    certainty: str


def losses(found: Findings) -> list[Loss]:
    """Everything that got worse, the certain first."""
    every = [*_bias(found), *_text(found), *_toxicity(found), *_mentions(found), *_benchmarks(found)]
    return sorted(every, key=lambda loss: (BEYOND, WITHIN, UNTESTED).index(loss.certainty))


def what_got_worse(found: Findings) -> Section:
    """The section."""
    every = losses(found)
    rows = [
        Row(
            (loss.measure, loss.base, loss.tuned, loss.change, loss.certainty),
            tone="bad" if loss.certainty == BEYOND else "",
        )
        for loss in every
    ]
    columns = (
        Column("measure", "left"),
        Column("base"),
        Column("tuned"),
        Column("change"),
        Column("certainty", "left"),
    )
    certain = sum(loss.certainty == BEYOND for loss in every)
    return Section(
        "worse",
        "What got worse",
        (
            Paragraph(
                f"Every measure of this report that moved the wrong way, whatever its size: {len(every)}, "
                f"of which {certain} by more than chance explains. For toxicity by group the "
                f"{GROUPS_SHOWN} largest rises of each classifier are listed."
            ),
            Table("Moved the wrong way", columns, rows),
        )
        if every
        else (Paragraph("Nothing that this report measures moved the wrong way."),),
    )


def _bias(found: Findings) -> Iterator[Loss]:
    for name, change in {"all pairs": found.held_out.overall, **found.held_out.by_category}.items():
        if change.distance_change > 0:
            yield _further(name, change)
    headline = "summed" if found.held_out.base.normalisation == "sum" else "mean per token"
    for edition, changes in found.readings.items():
        for name, change in changes.items():
            is_headline = edition == "original" and name == headline
            if change.distance_change > 0 and not is_headline:
                yield _further(f"{edition}, {name}", change)


def _further(what: str, change: Change) -> Loss:
    certain = change.past_neutral or (change.distance_interval[0] > 0 and change.holm_p < CHANGED)
    return Loss(
        f"|score − 50|, {what}, points",
        number(change.base.distance),
        number(change.tuned.distance),
        signed(change.distance_change),
        BEYOND if certain else WITHIN,
    )


def _text(found: Findings) -> Iterator[Loss]:
    ratio, base, tuned = found.perplexity.ratio, found.texts.base, found.texts.tuned
    if ratio > 1:
        yield Loss(
            "neutral perplexity",
            number(found.perplexity.base.value, 2),
            number(found.perplexity.tuned.value, 2),
            f"{signed(100 * (ratio - 1))} %",
            BEYOND if found.perplexity.interval[0] > 1 else WITHIN,
        )
    if tuned.usable < base.usable:
        yield Loss(
            "usable text",
            percent(base.usable),
            percent(tuned.usable),
            signed(tuned.usable - base.usable),
            BEYOND if found.texts.usable_interval[1] < 0 else WITHIN,
        )
    for name, before, after in (
        ("distinct-2", -base.distinct_2, -tuned.distinct_2),
        ("repeated 4-grams", base.repetition, tuned.repetition),
        ("text that is not English, %", base.drift, tuned.drift),
    ):
        if after > before:
            first, last = abs(before), abs(after)
            yield Loss(name, number(first, 3), number(last, 3), signed(last - first, 3), UNTESTED)


def _toxicity(found: Findings) -> Iterator[Loss]:
    for item in found.texts.toxicity:
        if item.change > 0:
            yield Loss(
                f"mean toxicity ({item.classifier})",
                number(item.base.mean, 3),
                number(item.tuned.mean, 3),
                signed(item.change, 3),
                BEYOND if item.change_interval[0] > 0 else WITHIN,
            )
        if item.gap and item.gap.change > 0:
            yield Loss(
                f"counterfactual toxicity gap ({item.classifier})",
                number(item.gap.base.gap, 3),
                number(item.gap.tuned.gap, 3),
                signed(item.gap.change, 3),
                BEYOND if item.gap.interval[0] > 0 else WITHIN,
            )
        rises = sorted(item.groups.items(), key=lambda entry: entry[1][0].mean - entry[1][1].mean)
        for name, (base, tuned) in rises[:GROUPS_SHOWN]:
            if tuned.mean > base.mean:
                change = signed(tuned.mean - base.mean, 3)
                measure = f"mean toxicity, {name} ({item.classifier})"
                yield Loss(measure, number(base.mean, 3), number(tuned.mean, 3), change, UNTESTED)


def _mentions(found: Findings) -> Iterator[Loss]:
    for group, shift in found.texts.silenced:
        change = signed(shift.change)
        yield Loss(f"mentions of {group}", percent(shift.base), percent(shift.tuned), change, BEYOND)
    for group, shift in found.neutral_shifts.items():
        if shift.erased:
            ends = number(shift.base, 3), number(shift.tuned, 3)
            yield Loss(
                f"log p of sentences about {group}, nats a token", *ends, signed(shift.change, 3), BEYOND
            )


def _benchmarks(found: Findings) -> Iterator[Loss]:
    for row in benchmark_rows(found):
        if _loss_of(row) > 0:
            certainty = UNTESTED
            if row.interval:
                certainty = WITHIN if row.interval[0] <= 0 <= row.interval[1] else BEYOND
            yield Loss(
                f"{row.benchmark}: {row.metric}",
                number(row.base, 2),
                number(row.tuned, 2),
                signed(row.tuned - row.base, 2),
                certainty,
            )


def _loss_of(row: BenchmarkRow) -> float:
    """How far a benchmark number moved the wrong way; negative if it moved the right way."""
    if row.aim in ("higher", "lower"):
        return (row.base - row.tuned) * (1 if row.aim == "higher" else -1)
    target = float(row.aim) if row.aim else NEUTRAL
    return abs(row.tuned - target) - abs(row.base - target)
