"""What it cost: perplexity, health of the text, the trade-off, and how training went."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import TradeoffPoint, tradeoff_chart
from counterpoise.charts.training import Curve, StepPoint, StrengthPoint, training_chart
from counterpoise.metrics.health import Fault, TextHealth
from counterpoise.metrics.intervals import Interval
from counterpoise.report.blocks import Block, ChartBlock, Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import Findings, FoldFindings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.words import MISSING, count, interval, number, percent, signed, texts_of_each

MAX_PATH_POINTS = 4
"""Checkpoints shown in the trade-off chart when no other recipe is."""


def capability(found: Findings, chart: Chart) -> Section:
    """Perplexity and text health, base against tuned."""
    change = found.perplexity
    low, high = (100 * (end - 1) for end in change.interval)
    return Section(
        "capability",
        "Is it still a language model?",
        (
            Paragraph(
                f"Perplexity of {count(change.base.sentences)} neutral sentences "
                f"({count(change.base.tokens)} tokens) that nothing else looked at: "
                f"{number(change.base.value, 2)} → {number(change.tuned.value, 2)}, a change of "
                f"{signed(100 * (change.ratio - 1))} % (95 % interval {interval(low, high)} %, paired over "
                "sentences)."
            ),
            _health_table(found.texts.base, found.texts.tuned, found.texts.usable_interval),
            Paragraph(
                "Usable text has words, is not a loop, a list of symbols, broken characters or another "
                "language; the rule sees debris, not nonsense. Distinct-n falls with the amount of text, "
                "so compare the two columns only with each other.",
            ),
            ChartBlock(
                chart,
                "Distance from neutral against the change of perplexity on neutral text. Lower and further "
                "left is better; the hatched region is over the limit. Small squares: other recipes, or "
                "this training's checkpoints on the validation pairs.",
            ),
        ),
    )


def _health_table(base: TextHealth, tuned: TextHealth, usable: Interval) -> Table:
    def row(name: str, before: float, after: float, digits: int, span: str = MISSING) -> Row:
        change = signed(after - before, digits)
        return Row((name, number(before, digits), number(after, digits), change, span))

    rows = [
        row("usable, %", base.usable, tuned.usable, 1, interval(*usable)),
        row("not English, %", base.drift, tuned.drift, 1),
        row("repeated 4-grams (mean share)", base.repetition, tuned.repetition, 3),
        row("distinct-1", base.distinct_1, tuned.distinct_1, 3),
        row("distinct-2", base.distinct_2, tuned.distinct_2, 3),
        row("distinct-3", base.distinct_3, tuned.distinct_3, 3),
        row("length, words", base.mean_words, tuned.mean_words, 1),
        *(
            row(f"not usable: {name}, %", _share(base, name), _share(tuned, name), 1)
            for name in _faults(base, tuned)
        ),
    ]
    columns = (
        Column("continuations", "left"),
        *map(Column, ("base", "tuned", "change", "95 %, paired by prompt")),
    )
    return Table(f"Health of {texts_of_each(base.n, tuned.n)}", columns, rows)


def _faults(base: TextHealth, tuned: TextHealth) -> list[Fault]:
    """The faults that either has, the base's most frequent first."""
    return list(dict.fromkeys([*base.faults, *tuned.faults]))


def _share(health: TextHealth, name: Fault) -> float:
    return 100 * health.faults.get(name, 0) / health.n


def tradeoff(inputs: ReportInputs, found: Findings) -> Chart:
    """The trade-off chart: other recipes if there are any, else the checkpoints of the first training."""
    others = [
        TradeoffPoint(recipe.name, recipe.perplexity_change, recipe.distance) for recipe in inputs.recipes
    ] or _path(found.folds[0])
    change = found.held_out.overall
    tuned = TradeoffPoint("tuned", 100 * (found.cost.perplexity_ratio - 1), change.tuned.distance)
    return tradeoff_chart(change.base.distance, tuned, others, 100 * found.cost.max_perplexity_rise)


def _path(fold: FoldFindings) -> list[TradeoffPoint]:
    return [
        TradeoffPoint(f"strength {found.strength:g}", 100 * found.perplexity_rise, abs(found.soft_score - 50))
        for found in fold.training.candidates
        if found.perplexity_rise is not None
    ][-MAX_PATH_POINTS:]


def training(found: Findings, chart: Chart | None) -> Section:
    """Curves of the first training and what became of each."""
    blocks: list[Block] = []
    if chart:
        blocks.append(
            ChartBlock(
                chart,
                f"Training with fold {found.folds[0].evaluated} held out. The dotted line marks the strength that is "
                "delivered; crosses are strengths that a guard rejected.",
            )
        )
    blocks.append(_folds_table(found.folds))
    return Section("training", "Training", blocks)


def training_curves(fold: FoldFindings) -> Chart | None:
    """The curves of one training, None where it kept no history."""
    outcome = fold.training
    if not outcome.history or not outcome.candidates:
        return None
    steps = [
        StepPoint(row.step, row.loss, row.chosen_change, row.rejected_change, row.own_text)
        for row in outcome.history
    ]
    strengths = [
        StrengthPoint(row.strength, row.soft_score, not row.failed_guard) for row in outcome.candidates
    ]
    return training_chart(Curve(steps, strengths, outcome.strength))


def _folds_table(folds: Sequence[FoldFindings]) -> Table:
    columns = (
        Column("held-out fold"),
        Column("pairs"),
        Column("steps"),
        Column("strength"),
        Column("validation score, %"),
        Column("its held-out pairs, %"),
        Column("why", "left"),
        Column("status", "left"),
    )
    return Table("What each training came to", columns, [_fold_row(fold) for fold in folds])


def _fold_row(fold: FoldFindings) -> Row:
    outcome = fold.training
    at = {row.strength: row.soft_score for row in outcome.candidates}
    scores = [percent(at[strength]) if strength in at else "·" for strength in (0.0, outcome.strength)]
    tone = {"overshoot": "bad", "no_change": "caution"}.get(outcome.status, "")
    return Row(
        (
            str(fold.evaluated),
            count(fold.own.base.n),
            count(len(outcome.history)),
            f"{outcome.strength:g}",
            " → ".join(scores),
            f"{percent(fold.own.base.score)} → {percent(fold.own.tuned.score)} ({interval(*fold.own.tuned.interval)})",
            outcome.reason,
            outcome.status.replace("_", " "),
        ),
        tone=tone,  # type: ignore[arg-type]
    )
