"""Tables of plain texts, and measures as their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from counterpoise.measures.claims import Claim
from counterpoise.measures.losses import Loss
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.names import FOLD, SCORE
from counterpoise.measures.results import Filtered, Results, Training
from counterpoise.metrics.groups import Rate
from counterpoise.report.inputs import ArtifactFact
from counterpoise.report.words import (
    MISSING,
    changed,
    count,
    digits,
    interval,
    moved,
    p_number,
    p_value,
    percent,
    span,
    tone,
    value,
    with_interval,
)

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingOutcome

Align = Literal["left", "right", "code"]
Label = Callable[[Measure], str]
FOLD_FROM = 14
"""Rows from which a table is folded away in a page."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table column; ``code`` is for keys and hashes."""

    title: str
    align: Align = "right"


@dataclass(frozen=True, slots=True)
class Row:
    """A table row of plain texts; ``strong`` for totals, ``tone`` for a row that needs attention."""

    cells: Sequence[str]
    strong: bool = False
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain texts."""

    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def folded(self) -> bool:
        """Whether a page hides its rows until asked for."""
        return len(self.rows) > FOLD_FROM


def table(
    titles: Sequence[str], rows: Sequence[Row], left: Sequence[int] = (0,), code: Sequence[int] = ()
) -> Table:
    """A table; the columns at ``left`` hold words, those at ``code`` keys, all others numbers."""
    aligned: list[Align] = [
        "code" if at in code else "left" if at in left else "right" for at in range(len(titles))
    ]
    return Table([Column(*column) for column in zip(titles, aligned, strict=True)], rows)


def both(measure: Measure) -> tuple[str, str]:
    """Base and tuned, each with its own interval where it has one."""
    return _ended(measure, "base"), _ended(measure, "tuned")


def _ended(measure: Measure, side: Literal["base", "tuned"]) -> str:
    ends = measure.base_interval if side == "base" else measure.tuned_interval
    shown = value(measure, side)
    return with_interval(shown, *ends, digits(measure)) if ends else shown


def change(measure: Measure) -> str:
    """The change with its interval where it was tested."""
    return f"{changed(measure)} ({span(measure)})" if measure.interval else changed(measure)


def by_group(measure: Measure) -> str:
    """A row's name in a table of one measure."""
    return measure.group or "all"


def by_way(measure: Measure) -> str:
    """A row's name where both way and group differ."""
    return f"{measure.group}, {measure.by}"


def with_unit(measure: Measure) -> str:
    """A row's name in a table of several measures."""
    plain = ("", "0 to 1", "per token", "texts", "pairs")
    return measure.label if measure.unit in plain else f"{measure.label}, {measure.unit}"


def change_table(rows: Sequence[Measure], first: str, label: Label = with_unit) -> Table:
    """Any measures before and after, a row each; p where one was tested."""
    tested = any(row.p is not None for row in rows)
    titles = (first, "n", "base", "tuned", "change (95 %)", *(("p",) if tested else ()), "")
    return table(titles, [_change_row(row, label, tested) for row in rows], left=(0, len(titles) - 1))


def _change_row(row: Measure, label: Label, tested: bool) -> Row:
    p = (MISSING if row.p is None else p_number(row.adjusted_p),) if tested else ()
    ending = row.outcome or (row.verdict if row.loss_interval else "")
    cells = (label(row), count(row.n), *both(row), change(row), *p, ending)
    return Row(cells, tone=tone(ending) if tone(ending) == "bad" else "")


def group_table(measures: Measures, columns: Sequence[str], by: str) -> Table:
    """Several measures side by side, a row a group."""
    groups = [row.group for row in measures.groups(columns[0], by)]
    rows = [Row((group, *(moved(measures.one(name, by, group)) for name in columns))) for group in groups]
    return table(("group", *columns), rows)


def claim_table(claims: Sequence[Claim]) -> Table:
    """Each claim with its criterion, what was measured, and what became of it."""
    rows = [
        Row((claim.name, claim.criterion, measured(claim), claim.outcome), tone=tone(claim.outcome))
        for claim in claims
    ]
    return table(("claim", "criterion", "measured", "outcome"), rows, left=(0, 1, 2, 3))


def measured(claim: Claim) -> str:
    """What decides a claim, in numbers; of several groups, those that fail it."""
    named = len({row.group for row in claim.measures}) > 1 or any(row.group for row in claim.measures)
    return (
        "; ".join(f"{row.group} {evidence(row)}" if named else evidence(row) for row in claim.measures)
        or "none"
    )


def evidence(measure: Measure) -> str:
    """A measure with its change, interval and p-value."""
    p = "" if measure.p is None else f", {p_value(measure.adjusted_p)}"
    return f"{moved(measure)} ({changed(measure)}; {span(measure)}){p}"


def loss_table(losses: Sequence[Loss]) -> Table:
    """What got worse, the certain first."""
    rows = [
        Row(
            (
                with_unit(loss.measure),
                value(loss.measure, "base"),
                value(loss.measure, "tuned"),
                changed(loss.measure),
                loss.certainty,
            ),
            tone=tone(loss.certainty),
        )
        for loss in losses
    ]
    return table(("measure", "base", "tuned", "change", "certainty"), rows, left=(0, 4))


def fact_table(facts: Mapping[str, object]) -> Table:
    """Names and values."""
    return table(("", ""), [Row((name, str(fact))) for name, fact in facts.items()], left=(0, 1))


def training_table(results: Results, outcomes: Sequence[TrainingOutcome]) -> Table:
    """What each training came to."""
    titles = (
        "held-out fold",
        "steps",
        "strength",
        "validation score, %",
        "its held-out pairs, %",
        "why",
        "status",
    )
    rows = [
        _training_row(training, outcome, results.measures.one(SCORE, group=f"{FOLD}{training.fold}"))
        for training, outcome in zip(results.trainings, outcomes, strict=True)
    ]
    return table(titles, rows, left=(5, 6))


def _training_row(training: Training, outcome: TrainingOutcome, own: Measure) -> Row:
    at = {row.strength: row.soft_score for row in outcome.candidates}
    scores = [percent(at[strength]) if strength in at else MISSING for strength in (0.0, training.strength)]
    cells = (
        str(training.fold),
        count(training.steps),
        f"{training.strength:g}",
        " → ".join(scores),
        " → ".join(both(own)),
        training.reason,
        training.status.replace("_", " "),
    )
    return Row(cells, tone=tone(training.status))


def reason_table(filtered: Filtered) -> Table:
    """Candidate preferences by the filter's reason."""
    rows = [
        Row((reason, count(n), percent(100 * n / max(1, filtered.candidates))))
        for reason, n in filtered.reasons.items()
    ]
    return table(("reason", "candidates", "share"), rows)


def rate_table(rates: Sequence[tuple[str, str, Rate]]) -> Table:
    """Shares dropped, by what and for whom."""
    rows = [
        Row((kind, name, count(rate.n), percent(rate.rate), interval(*rate.interval)))
        for kind, name, rate in rates
    ]
    return table(("by", "", "candidates", "dropped", "95 %"), rows, left=(0, 1))


def provenance_table(facts: Sequence[ArtifactFact]) -> Table:
    """Artifacts with key and hash."""
    rows = [
        Row((fact.stage, fact.key, fact.sha256, MISSING if fact.rows is None else count(fact.rows)))
        for fact in facts
    ]
    return table(("stage", "key", "sha256", "rows"), rows, code=(1, 2))
