"""Which measures stand together: what each part of a report, a terminal or a dashboard shows of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.measures.claims import Claim
from counterpoise.measures.crows import detectable
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.names import (
    ABS_MARGIN,
    ACCURACY,
    BBQ_ACCURACY,
    BBQ_BIAS,
    DISTINCT,
    DRIFT,
    FAULT,
    GAP,
    ICAT,
    LMS,
    MARGIN,
    MENTIONS,
    PCT_STEREOTYPE,
    PERPLEXITY,
    PRONOUN,
    PRONOUN_MARGIN,
    REPETITION,
    RIGHT,
    SCORE,
    SPREAD,
    SS,
    TIES,
    TOXIC_PROMPTS,
    TOXICITY,
    UNWEIGHTED,
    USABLE,
    WIDEST,
    WORDS,
    WORST,
)
from counterpoise.report.tables import Row, Table, both, change, table
from counterpoise.report.words import (
    MISSING,
    changed,
    count,
    digits,
    moved,
    number,
    p_number,
    plain,
    span,
    tone,
    value,
)


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One number of the strip at the top: before → after."""

    label: str
    before: str
    after: str
    note: str
    tone: str = ""


def key_numbers(measures: Measures) -> list[KeyNumber]:
    """The numbers of the strip."""
    return [_key_number(row) for row in key_measures(measures)]


def key_measures(measures: Measures) -> list[Measure]:
    """The score, what it cost, and the first classifier."""
    costs = [
        row for name in (PERPLEXITY, USABLE, LMS) for row in measures.ways(name) if row.limit is not None
    ]
    return [measures.one(SCORE), *costs, *measures.ways(TOXICITY)[:1]]


def cost_line(measures: Measures) -> str:
    """What the score cost, on one line."""
    rows = [row for row in key_measures(measures) if row.name != SCORE]
    return plain(" · ".join(f"{row.label} {moved(row)} ({changed(row)})" for row in rows))


def _key_number(measure: Measure) -> KeyNumber:
    places = 1 if measure.relative else digits(measure)
    limit = f"; limit {number(measure.limit, places)}" if measure.limit is not None else ""
    unit = " %" if measure.unit == "%" else ""
    return KeyNumber(
        measure.label,
        value(measure, "base") + unit,
        value(measure, "tuned") + unit,
        f"change {changed(measure)} ({span(measure)}){limit}",
        tone(measure.outcome or measure.verdict),
    )


def score_table(measures: Measures) -> Table:
    """The score over all pairs and in each category, the largest first."""
    titles = ("pairs", "n", "base, %", "tuned, %", "change", "p, Holm")
    return table(titles, [_score_row(row) for row in _scores(measures)])


def full_score_table(measures: Measures) -> Table:
    """The same with its verdict, ties, and the smallest change that so many pairs reveal."""
    titles = ("pairs", "n", "base, %", "tuned, %", "change", "p, Holm", "verdict", "ties", "shows")
    rows = [_score_row(row, *_sensitivity(row, measures)) for row in _scores(measures)]
    return table(titles, rows, left=(0, 6))


def _scores(measures: Measures) -> list[Measure]:
    groups = [row for row in measures.groups(SCORE) if row.counts]
    return [measures.one(SCORE), *sorted(groups, key=lambda row: -row.n)]


def _score_row(score: Measure, *more: str) -> Row:
    cells = (
        score.group or "all pairs",
        count(score.n),
        *both(score),
        change(score),
        p_number(score.adjusted_p),
        *more,
    )
    shown = tone(score.verdict)
    return Row(cells, strong=not score.group, tone=shown if shown == "bad" else "")


def _sensitivity(score: Measure, measures: Measures) -> tuple[str, str, str]:
    ties = measures.one(TIES, score.by, score.group)
    shows = number(detectable(score)) if any(score.flips or ()) else MISSING
    return score.verdict, f"{value(ties, 'base')} / {value(ties, 'tuned')}", shows


def other_ways(measures: Measures) -> list[Measure]:
    """The headline's pairs in other numbers."""
    rows = [
        row
        for name in (UNWEIGHTED, SPREAD, MARGIN, ABS_MARGIN, TIES, PCT_STEREOTYPE)
        for row in measures.all(name, group="")
    ]
    return [*rows, *(row for row in measures.groups(SCORE) if row.group.endswith(" rows"))]


def health(measures: Measures) -> list[Measure]:
    """Everything about the form of the continuations."""
    usable = measures.ways(USABLE)
    rows = [row for name in (DRIFT, REPETITION, *DISTINCT, WORDS) for row in measures.ways(name)]
    return [*usable, *rows, *measures.groups(FAULT)]


def benchmarks(measures: Measures) -> list[Measure]:
    """Every number of the other benchmarks, a benchmark's parts after the whole."""
    names = (LMS, SS, ICAT, PRONOUN, PRONOUN_MARGIN, *BBQ_ACCURACY, *BBQ_BIAS, RIGHT, ACCURACY)
    return [row for row in measures if row.name in names and not row.group]


def bbq_by_category(measures: Measures) -> list[str]:
    """BBQ's measures that every category has: of few questions one may not be defined."""
    groups = {row.group for row in measures.groups(BBQ_ACCURACY[0])}
    names = [*BBQ_ACCURACY, *BBQ_BIAS]
    return [name for name in names if groups and {row.group for row in measures.groups(name)} == groups]


def toxicity(measures: Measures) -> list[Measure]:
    """Every classifier's numbers over all prompts."""
    return [row for name in (TOXICITY, WORST, TOXIC_PROMPTS, GAP, WIDEST) for row in measures.ways(name)]


def mentioned(measures: Measures) -> list[Measure]:
    """Mentions of the groups that base or tuned speaks of."""
    return [row for row in measures.groups(MENTIONS) if row.base or row.tuned]


def directions(measures: Measures) -> list[tuple[str, str]]:
    """Each classifier and which way the mean toxicity moved by it."""
    return [(row.by, row.verdict) for row in measures.ways(TOXICITY)]


def by_adapter(measures: Measures) -> list[Measure]:
    """Mentions in single adapters' texts."""
    return [row for row in measures.all(MENTIONS, by=None) if row.by]


def failing_groups(claims: Sequence[Claim], *names: str) -> list[str]:
    """The groups that a claim on one of these measures fails for, sorted."""
    return sorted({row.group for claim in claims for row in claim.measures if row.name in names})


def widest_axis(measures: Measures, classifier: str) -> tuple[str, Measure, Measure]:
    """The axis whose groups lie furthest apart in the base's texts, its lowest and its highest group."""
    axes: dict[str, list[Measure]] = defaultdict(list)
    for row in measures.groups(TOXICITY, classifier):
        axes[row.group.partition("/")[0]].append(row)
    ordered = {axis: sorted(rows, key=lambda row: row.base) for axis, rows in axes.items()}
    widest = max(ordered, key=lambda axis: ordered[axis][-1].base - ordered[axis][0].base)
    return widest, ordered[widest][0], ordered[widest][-1]
