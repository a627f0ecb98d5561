"""From a run's records to its report: Markdown, one HTML file, charts, and the numbers for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.charts.style import Chart
from counterpoise.report.blocks import Document, KeyNumber
from counterpoise.report.findings import Findings, findings
from counterpoise.report.html import to_html
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.limits import MAX_LMS_FALL, TONES
from counterpoise.report.markdown import to_markdown
from counterpoise.report.sections import (
    bias,
    closing,
    cost,
    erasure,
    examples,
    protocol,
    toxicity,
    votes,
    worse,
)
from counterpoise.report.summary import summarise
from counterpoise.report.words import interval, number, percent, signed, texts_of_each


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report. The same inputs give the same bytes; there is no time or machine in it.

    Attributes:
        markdown: for Prefect's dashboard: charts inside as data URIs.
        html: one self-contained page.
        charts: file name (``scores.svg``, ``scores.png``, …) → bytes.
        summary: the numbers, as JSON-serialisable values; see :mod:`counterpoise.report.summary`.
    """

    markdown: str
    html: str
    charts: Mapping[str, bytes]
    summary: Mapping[str, Any]


def build_report(inputs: ReportInputs) -> Report:
    """The report of one finished run.

    Raises:
        DataError: a held-out pair, a neutral sentence or a continuation lacks its score.
    """
    found = findings(inputs)
    document, charts = _document(inputs, found)
    files = {f"{c.name}.{kind}": data for c in charts for kind, data in (("svg", c.svg), ("png", c.png))}
    return Report(to_markdown(document), to_html(document), files, summarise(inputs, found))


def _document(inputs: ReportInputs, found: Findings) -> tuple[Document, list[Chart]]:
    scores = bias.chart_of(found.held_out)
    texts = toxicity.toxicity_charts(found.texts)
    curves = cost.training_curves(found.folds[0])
    tradeoff = cost.tradeoff(inputs, found)
    sections = [
        protocol.hypotheses(found),
        bias.held_out(found, scores),
        worse.what_got_worse(found),
        cost.capability(found, tradeoff),
        closing.benchmarks(found),
        erasure.erasure(found),
        toxicity.toxicity(found.texts, texts),
        examples.side_by_side(found.texts, inputs.run.seed),
        protocol.what_was_run(inputs, found),
        bias.in_sample(found),
        cost.training(found, curves),
        toxicity.preference_filter(found.filter),
        votes.votes(inputs),
        closing.limits(inputs, found),
        closing.provenance(inputs),
    ]
    verdict = found.verdict
    document = Document(
        title=f"{inputs.run.model}: stereotypes before and after",
        subtitle=f"Counterpoise report · profile {inputs.run.profile} · seed {inputs.run.seed}",
        tone=verdict.tone,
        headline=verdict.headline,
        sentence=verdict.sentence,
        numbers=_numbers(found),
        sections=[section for section in sections if section],
    )
    return document, [chart for chart in (scores, tradeoff, *texts, curves) if chart]


def _numbers(found: Findings) -> list[KeyNumber]:
    change, cost_, texts = found.held_out.overall, found.cost, found.texts
    worse_bias = change.verdict in ("worse", "overshoot")
    good_bias = found.verdict.outcome in ("improved", "damaged") and change.verdict == "better"
    numbers = [
        KeyNumber(
            "CrowS-Pairs score",
            percent(change.base.score),
            percent(change.tuned.score),
            f"held out; 95 % {interval(*change.tuned.interval)}; neutral is 50 %",
            "bad" if worse_bias else "good" if good_bias else "caution",
        ),
        KeyNumber(
            "Distance from neutral",
            number(change.base.distance),
            number(change.tuned.distance),
            f"change {signed(change.distance_change)} ({interval(*change.distance_interval)})",
            "bad" if worse_bias else "good" if good_bias else "caution",
        ),
        KeyNumber(
            "Neutral perplexity",
            number(found.perplexity.base.value, 2),
            number(found.perplexity.tuned.value, 2),
            f"{signed(100 * (cost_.perplexity_ratio - 1))} %; limit "
            f"{signed(100 * cost_.max_perplexity_rise, 0)} %",
            TONES[cost_.perplexity],
        ),
        KeyNumber(
            "Usable text",
            percent(texts.base.usable),
            percent(texts.tuned.usable),
            f"of {texts_of_each(texts.base.n, texts.tuned.n)}",
            TONES[cost_.usable],
        ),
    ]
    if cost_.lms:
        lms = cost_.lms
        numbers.append(
            KeyNumber(
                "StereoSet LMS",
                number(lms.base),
                number(lms.tuned),
                f"change {interval(*lms.interval)}; limit {signed(-MAX_LMS_FALL)}",
                TONES[cost_.sense],
            )
        )
    for item in texts.toxicity[:1]:
        low, high = item.change_interval
        numbers.append(
            KeyNumber(
                "Mean toxicity",
                number(item.base.mean, 3),
                number(item.tuned.mean, 3),
                f"{item.classifier}; change {interval(low, high, 3)}",
                "bad" if low > 0 else "good" if high < 0 else "",
            )
        )
    return numbers
