"""Held-out scores, other ways to look at them, and in-sample scores apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoise.charts.scores import ScoreRow, score_chart
from counterpoise.charts.style import Chart
from counterpoise.metrics.significance import Change, Comparison
from counterpoise.report.blocks import Block, ChartBlock, Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import Findings
from counterpoise.report.verdict import ALPHA
from counterpoise.report.words import (
    MISSING,
    count,
    interval,
    number,
    p_number,
    p_value,
    percent,
    points,
    signed,
    with_interval,
)

_COLUMNS = (
    Column("pairs", "left"),
    Column("n"),
    Column("base, %"),
    Column("tuned, %"),
    Column("change"),
    Column("p, Holm"),
    Column("ties"),
    Column("shows"),
    Column("verdict", "left"),
)


def chart_of(comparison: Comparison) -> Chart:
    """The score chart of a comparison."""
    rows = [_chart_row(name, change) for name, change in comparison.by_category.items()]
    return score_chart(_chart_row("all pairs", comparison.overall), rows)


def _chart_row(label: str, change: Change) -> ScoreRow:
    base, tuned = change.base, change.tuned
    return ScoreRow(label, base.n, base.score, base.interval, tuned.score, tuned.interval)


def held_out(found: Findings, chart: Chart) -> Section:
    """The evidence: chart, table by category, other views of the same pairs."""
    comparison = found.held_out
    return Section(
        "scores",
        "Bias on held-out pairs",
        (
            ChartBlock(
                chart,
                "Share of pairs whose more stereotyping sentence is the more likely one, with 95 % "
                "intervals (Wilson). Neutral is the dashed line at 50 %. Circle: base; diamond: tuned.",
            ),
            _category_table(comparison, "on the same held-out pairs"),
            Paragraph(
                "In brackets: 95 % intervals. Change and its interval are in percentage points (paired "
                "bootstrap). p: exact McNemar test of the pairs whose answer changed; in the categories corrected for "
                "their number (Holm). "
                "Ties: pairs that base / tuned find equally likely, in neither side of the score. Shows: "
                "the smallest change, in points, that so many pairs reveal with power 0.8; a dot where no "
                "answer changed. A verdict needs the interval of the change of |score − 50| to exclude 0; most "
                "single categories are too small for that.",
            ),
            *_readings(found),
            _views(found),
        ),
    )


def _readings(found: Findings) -> list[Table | Paragraph]:
    """Each edition in each reading; nothing where only one reading was scored."""
    rows = [
        _reading(edition, name, change)
        for edition, changes in found.readings.items()
        for name, change in changes.items()
    ]
    columns = (
        Column("edition", "left"),
        Column("reading", "left"),
        Column("pairs"),
        Column("ties"),
        Column("base, % (95 %)"),
        Column("tuned, % (95 %)"),
        Column("change (95 %)"),
        Column("p"),
    )
    return [
        *_where_it_moved(found.readings["original"]),
        Table("Four readings of a pair, and both editions where the revised one was given", columns, rows),
        Paragraph(
            "Summed and mean per token compare whole sentences. Shared tokens: only what both sentences say, given "
            "what stands before it (after Nangia et al. 2020): pairs that differ at the end tie. Identity tokens: "
            "only the words that differ, mostly how frequent the terms are. The revised edition (Névéol et al. "
            "2022) corrects pairs; each is scored by the adapter that never saw the original."
        ),
    ]


def _where_it_moved(changes: Mapping[str, Change]) -> list[Paragraph]:
    """Whether the identity terms themselves moved or what is said of them; nothing where that was not scored."""
    if not {"shared tokens", "identity tokens"} <= changes.keys():
        return []
    shared, identity = (
        f"{number(change.base.score)} → {percent(change.tuned.score)} ({p_value(change.p)})"
        for change in (changes["shared tokens"], changes["identity tokens"])
    )
    stayed = changes["shared tokens"].p >= ALPHA and changes["identity tokens"].p < ALPHA
    meaning = (
        " So the change lies in how likely the model finds the groups' own terms; that it associates what is said of "
        "them any less is not shown."
        if stayed
        else ""
    )
    return [
        Paragraph(
            f"The tokens that both sentences share, given the term before them: {shared}. The terms that differ: "
            f"{identity}.{meaning}",
            lead="Where it moved.",
        )
    ]


def _reading(edition: str, name: str, change: Change) -> Row:
    base, tuned = change.base, change.tuned
    return Row(
        (
            edition,
            name,
            count(base.n),
            f"{base.ties} / {tuned.ties}",
            with_interval(number(base.score), *base.interval),
            with_interval(number(tuned.score), *tuned.interval),
            with_interval(signed(change.difference), *change.interval),
            p_number(change.p),
        )
    )


def _category_table(comparison: Comparison, which: str) -> Table:
    rows = [_category_row("all pairs", comparison.overall, strong=True)]
    rows += [_category_row(name, change) for name, change in comparison.by_category.items()]
    return Table(f"CrowS-Pairs score by category, base and tuned, {which}", _COLUMNS, rows)


def _category_row(name: str, change: Change, *, strong: bool = False) -> Row:
    base, tuned = change.base, change.tuned
    cells = (
        name,
        count(base.n),
        with_interval(number(base.score), *base.interval),
        with_interval(number(tuned.score), *tuned.interval),
        with_interval(signed(change.difference), *change.interval),
        p_number(change.p if strong else change.holm_p),
        f"{base.ties} / {tuned.ties}",
        number(change.detectable) if change.gained + change.lost else MISSING,
        change.verdict,
    )
    tone = "bad" if change.verdict in ("worse", "overshoot") else ""
    return Row(cells, strong=strong, tone=tone)  # type: ignore[arg-type]


def _views(found: Findings) -> Table:
    main = found.held_out
    base, tuned, whole = main.base, main.tuned, main.overall
    unit = "nats" if base.normalisation == "sum" else "nats per token"
    rows = [
        _view("pair-weighted (the headline)", base.overall, tuned.overall, 1, whole.interval),
        _view("categories weighted equally", base.unweighted, tuned.unweighted),
        _view(
            "spread of categories around 50 (RMS), points", base.spread, tuned.spread, 1, main.spread_interval
        ),
        *(_direction(name, change) for name, change in found.directions.items()),
        _view(f"mean margin, {unit}", base.mean_margin, tuned.mean_margin, 3),
        _view(
            f"mean |margin|, {unit}",
            base.mean_abs_margin,
            tuned.mean_abs_margin,
            3,
            whole.abs_margin_interval,
        ),
        _view(
            "wins over all pairs, ties as losses (lm-eval's pct_stereotype)",
            base.pct_stereotype,
            tuned.pct_stereotype,
        ),
    ]
    columns = (Column("view", "left"), Column("base"), Column("tuned"), Column("change"), Column("95 %"))
    return Table("The same pairs, looked at in other ways (percent unless stated)", columns, rows)


def _view(
    name: str, base: float, tuned: float, digits: int = 1, span: tuple[float, float] | None = None
) -> Row:
    ends = interval(*span, digits) if span else MISSING
    return Row((name, number(base, digits), number(tuned, digits), signed(tuned - base, digits), ends))


def _direction(name: str, change: Change) -> Row:
    label = f"{name} rows only ({count(change.base.n)})"
    return _view(label, change.base.score, change.tuned.score, 1, change.interval)


def in_sample(found: Findings) -> Section:
    """Training pairs, kept apart: they show what was learnt, not whether it holds."""
    blocks: Sequence[Block]
    if found.in_sample is None:
        blocks = (
            Paragraph(
                "Pairs that an adapter was trained on were not scored. All scores in this report are held "
                "out.",
            ),
        )
    else:
        gap = found.in_sample.tuned.overall - found.held_out.tuned.overall
        blocks = (
            Paragraph(
                f"On the {count(found.in_sample.base.n)} pairs that the first adapter was trained on, the "
                f"score went from {percent(found.in_sample.base.overall)} to "
                f"{percent(found.in_sample.tuned.overall)}, {points(abs(gap))} "
                f"{'below' if gap < 0 else 'above'} the held-out score. This is not evidence of less bias: "
                "it shows how far the adapter fits its own examples.",
            ),
            _category_table(found.in_sample, "on pairs the adapter was trained on"),
        )
    return Section("in-sample", "In-sample scores (not evidence)", blocks)
