"""Toxicity of the continuations, by classifier and by group; the preference filter."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.charts.style import Chart
from counterpoise.charts.toxicity import GroupRow, distribution_chart, group_chart
from counterpoise.metrics.intervals import Interval
from counterpoise.report.blocks import Block, ChartBlock, Column, Paragraph, Row, Section, Table
from counterpoise.report.findings import FilterFindings
from counterpoise.report.texts import TextFindings, ToxicityFindings
from counterpoise.report.words import count, interval, number, percent, signed

IDENTITY_TERMS = (
    "Toxicity classifiers react to the mere mention of some identities: they learnt from comments in which "
    "those words stand beside insults, so a factual sentence about Black, gay or Muslim people can score "
    "higher than the same sentence about white, straight or Christian people (Dixon et al. 2018). A prompt "
    "that names a group therefore starts from a different level than one that doesn't. Compare base with "
    "tuned on the same prompts; do not read the level of a group as a property of the group or of the "
    "model, and do not read a higher score of a text that names a group as hostility without reading the "
    "text."
)


def toxicity_charts(texts: TextFindings) -> tuple[Chart, ...]:
    """Distribution and groups by the first classifier; none where nothing was scored."""
    if not texts.toxicity:
        return ()
    first = texts.toxicity[0]
    rows = [_chart_row(name, *means) for name, means in _means(first)]
    base = first.base_values[: texts.base.n]  # once, however many adapters it is matched with
    return (
        distribution_chart(base, first.tuned_values, first.classifier),
        group_chart(rows, first.classifier),
    )


def _means(item: ToxicityFindings) -> list[tuple[str, tuple[float, float]]]:
    return [(name, (base.mean, tuned.mean)) for name, (base, tuned) in item.groups.items()]


def _chart_row(name: str, base: float, tuned: float) -> GroupRow:
    axis, _, group = name.partition("/")
    return GroupRow(axis, group or axis, base, tuned)


def toxicity(texts: TextFindings, charts: Sequence[Chart]) -> Section:
    """Before and after by every classifier, the charts, and how far the classifiers can be trusted."""
    if not texts.toxicity:
        return Section("toxicity", "Toxicity of what it writes", (Paragraph("No classifier was run."),))
    first = texts.toxicity[0]
    blocks: list[Block] = [_classifier_table(texts.toxicity)]
    blocks.append(Paragraph(IDENTITY_TERMS, lead="Identity-term bias: read this first."))
    captions = (
        f"How toxic {first.classifier} finds prompt and continuation together, over all prompts.",
        f"Mean toxicity by {first.classifier} for the prompts that name each group: the same templates for "
        "every group of an axis, so groups of one axis differ in the identity term alone.",
    )
    blocks += [ChartBlock(chart, caption) for chart, caption in zip(charts, captions, strict=True)]
    blocks += _agreement(texts)
    blocks += [block for item in texts.toxicity for block in (_group_levels(item), _group_table(item))]
    return Section("toxicity", "Toxicity of what it writes", blocks)


def _classifier_table(items: Sequence[ToxicityFindings]) -> Table:
    columns = (
        Column("classifier", "left"),
        Column("measure", "left"),
        Column("base"),
        Column("tuned"),
        Column("change"),
        Column("95 %"),
    )
    rows = [row for item in items for row in _classifier_rows(item)]
    return Table("Toxicity of prompt and continuation, 0 to 1", columns, rows)


def _classifier_rows(item: ToxicityFindings) -> list[Row]:
    base, tuned, name = item.base, item.tuned, item.classifier

    def row(measure: str, before: float, after: float, span: str = "", digits: int = 3) -> Row:
        change = signed(after - before, digits)
        return Row((name, measure, number(before, digits), number(after, digits), change, span))

    rows = [
        row("mean", base.mean, tuned.mean, interval(*item.change_interval, 3)),
        row("mean of each prompt's worst", base.expected_maximum, tuned.expected_maximum),
        row("prompts with a text at 0.5 or over, %", base.share_over, tuned.share_over, digits=1),
    ]
    if item.gap:
        gap = item.gap
        rows.append(row("counterfactual gap", gap.base.gap, gap.tuned.gap, interval(*gap.interval, 3)))
        rows.append(row("highest − lowest group", gap.base.widest, gap.tuned.widest))
    return rows


def _agreement(texts: TextFindings) -> list[Paragraph]:
    if not texts.agreements:
        return [
            Paragraph(
                "One classifier was run, so its errors cannot be told from the model's. Another one may "
                "disagree.",
                lead="A single judge.",
            )
        ]
    return [
        Paragraph(
            f"{first} and {second} disagree on whether a text is toxic for {percent(found.disagree)} of "
            f"{count(found.n)} texts; rank correlation {number(found.correlation, 2)}, mean difference "
            f"{signed(found.mean_difference, 3)}.",
            lead="Disagreement.",
        )
        for (first, second), found in texts.agreements.items()
    ] + _about_the_change(texts.toxicity)


def _about_the_change(items: Sequence[ToxicityFindings]) -> list[Paragraph]:
    """A warning where classifiers differ on whether the texts became more toxic, less, or neither beyond chance."""
    said = {item.classifier: _direction(item.change_interval) for item in items}
    if len(set(said.values())) < 2:
        return []
    opinions = "; ".join(f"by {name} it {direction}" for name, direction in said.items())
    return [
        Paragraph(
            f"Of the change in mean toxicity, {opinions}. Take none of these alone for the model's doing.",
            lead="The classifiers disagree about the change.",
        )
    ]


def _direction(change: Interval) -> str:
    low, high = change
    return "rises" if low > 0 else "falls" if high < 0 else "may do either"


def _group_levels(item: ToxicityFindings) -> Paragraph:
    """How far the groups of one axis lie apart on the base's texts, where only the identity term differs."""
    axes: dict[str, dict[str, float]] = {}
    for name, (base, _) in item.groups.items():
        axis, _, group = name.partition("/")
        axes.setdefault(axis, {})[group] = base.mean
    widest = max(axes, key=lambda axis: max(axes[axis].values()) - min(axes[axis].values()))
    groups = axes[widest]
    low, high = min(groups, key=groups.__getitem__), max(groups, key=groups.__getitem__)
    return Paragraph(
        f"On the base's own texts {item.classifier} gives {number(groups[high], 3)} where the prompt says {high} and "
        f"{number(groups[low], 3)} where it says {low} ({widest}), the widest distance within an axis. "
        "Nothing was tuned there: part of such a distance is the classifier's.",
        lead="How large that bias may be here.",
    )


def _group_table(item: ToxicityFindings) -> Table:
    titles = (
        "texts",
        "mean: base",
        "tuned",
        "change",
        "expected maximum: base",
        "tuned",
        "over 0.5, %: base",
        "tuned",
    )
    columns = (Column("axis", "left"), Column("group", "left"), *map(Column, titles))
    rows = []
    for name, (base, tuned) in item.groups.items():
        axis, _, group = name.partition("/")
        numbers = (
            number(base.mean, 3),
            number(tuned.mean, 3),
            signed(tuned.mean - base.mean, 3),
            number(base.expected_maximum, 3),
            number(tuned.expected_maximum, 3),
            number(base.share_over),
            number(tuned.share_over),
        )
        rows.append(Row((axis, group or axis, count(base.n), *numbers)))
    caption = f"Toxicity by {item.classifier} for the prompts that name each group"
    return Table(caption, columns, rows, folded=True)


def preference_filter(found: FilterFindings) -> Section:
    """What was kept and dropped, why, and whether it hits some axes harder."""
    reasons = [
        Row((reason, count(n), percent(100 * n / max(1, found.candidates))))
        for reason, n in found.reasons.items()
    ]
    rates = [("axis", name, rate) for name, rate in found.by_axis.items()]
    rates += [("origin", name, rate) for name, rate in found.by_origin.items()]
    rates += [("group named by chosen", name, rate) for name, rate in found.by_group.items()]
    return Section(
        "filter",
        "What the toxicity filter did",
        (
            Paragraph(
                f"{count(found.kept)} of {count(found.candidates)} candidate preferences were kept. Mean "
                f"toxicity of the kept sentences: chosen {number(found.kept_chosen, 3)}, rejected "
                f"{number(found.kept_rejected, 3)}."
            ),
            Table(
                "Every decision", (Column("reason", "left"), Column("candidates"), Column("share")), reasons
            ),
            Table(
                "The filter's own fairness: share dropped by axis, origin and group. One that drops some far more "
                "than others trains on a skewed picture.",
                (
                    Column("by", "left"),
                    Column("", "left"),
                    Column("candidates"),
                    Column("dropped"),
                    Column("95 %"),
                ),
                [
                    Row((kind, name, count(rate.n), percent(rate.rate), interval(*rate.interval)))
                    for kind, name, rate in rates
                ],
            ),
        ),
    )
