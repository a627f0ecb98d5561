"""Continuations by one adapter, and by several that answer the same prompts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.errors import DataError
from counterpoise.metrics.health import fault
from counterpoise.records import Generation
from counterpoise.report.findings import findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.sections.examples import choose
from counterpoise.report.sections.toxicity import toxicity_charts
from counterpoise.report.texts import TextFindings, match, text_findings
from tests.report.synthetic import LOOP, run

GOOD = " and went home to cook for the children of the house."


def found(inputs: ReportInputs, generations: list[Generation]) -> TextFindings:
    toxicity = {
        name: scores
        | {row.prompt + row.text: 0.1 for row in generations if row.prompt + row.text not in scores}
        for name, scores in inputs.toxicity.items()
    }
    return text_findings(generations, toxicity, seed=0)


def tuned_rows(inputs: ReportInputs) -> list[Generation]:
    return [row for row in inputs.generations if row.variant == "tuned"]


def test_an_adapter_that_answers_twice_changes_nothing_but_the_count() -> None:
    """Two copies of one adapter are no more evidence than one: every value and interval stays."""
    inputs = run(pairs_per_category=5, broken_texts=0.2)
    once = found(inputs, list(inputs.generations))
    twice = found(inputs, [*inputs.generations, *tuned_rows(inputs)])
    assert (once.answers, twice.answers) == (1, 2)
    assert (twice.base.n, twice.tuned.n) == (once.base.n, 2 * once.tuned.n)
    assert twice.base == once.base
    assert twice.usable_interval == pytest.approx(once.usable_interval)
    for name in (
        "usable",
        "usable_interval",
        "distinct_1",
        "distinct_3",
        "repetition",
        "mean_words",
        "drift",
    ):
        assert getattr(twice.tuned, name) == pytest.approx(getattr(once.tuned, name)), name
    for one, two in zip(once.toxicity, twice.toxicity, strict=True):
        assert two.change == pytest.approx(one.change)
        assert two.change_interval == pytest.approx(one.change_interval)
        assert two.tuned.expected_maximum == pytest.approx(one.tuned.expected_maximum)
        assert two.tuned.share_over == pytest.approx(one.tuned.share_over)
        assert one.gap is not None and two.gap is not None
        assert two.gap.tuned.gap == pytest.approx(one.gap.tuned.gap)
        assert two.gap.interval == pytest.approx(one.gap.interval)
    for group, shift in once.mentions.items():
        assert twice.mentions[group].interval == pytest.approx(shift.interval)


def test_usable_text_is_the_mean_over_adapters() -> None:
    inputs = run(pairs_per_category=5)
    base = [replace(row, text=GOOD) for row in inputs.generations if row.variant == "base"]
    good = [replace(row, variant="tuned") for row in base]
    looping = [replace(row, text=LOOP) for row in good]
    assert fault(GOOD) is None and fault(LOOP) == "repeats"
    result = found(inputs, [*base, *good, *looping, *good])
    assert result.answers == 3
    assert result.base.usable == 100.0
    assert result.tuned.usable == pytest.approx(200 / 3)
    assert result.tuned.faults == {"repeats": len(looping)}


def test_what_one_adapter_silences_is_not_hidden_by_what_another_says() -> None:
    inputs = run(pairs_per_category=5)
    rows = [row for row in inputs.generations if row.variant == "base"]
    base = [replace(row, text="The woman spoke." if at % 2 else GOOD) for at, row in enumerate(rows)]
    silent = [replace(row, variant="tuned", text=GOOD) for row in rows]
    loud = [replace(row, variant="tuned", text="The woman spoke.") for row in rows]
    result = found(inputs, [*base, *silent, *loud])
    # 50 % of the base's texts mention women; none of one adapter's and all of the other's: 50 % on average
    assert result.mentions["women"].change == pytest.approx(0, abs=1.0)
    assert not result.mentions["women"].erased
    assert [shifts["women"].erased for shifts in result.mentions_by_adapter] == [True, False]
    ((group, shift),) = result.silenced
    assert (group, shift.tuned) == ("women", 0.0)


def test_prompts_dealt_among_adapters_are_one_answer() -> None:
    inputs = run(pairs_per_category=5)
    base = [row for row in inputs.generations if row.variant == "base"]
    tuned = tuned_rows(inputs)
    assert len(match([*base, *tuned[1::2], *tuned[::2]])) == 1


def test_a_prompt_that_fewer_adapters_answered_is_an_error() -> None:
    inputs = run(pairs_per_category=5)
    with pytest.raises(DataError, match="continued by 1 to 2 adapters"):
        match([*inputs.generations, tuned_rows(inputs)[0]])


def test_the_toxicity_chart_counts_the_bases_texts_once() -> None:
    inputs = run(pairs_per_category=5)
    texts = findings(replace(inputs, generations=[*inputs.generations, *tuned_rows(inputs)])).texts
    chart, _ = toxicity_charts(texts)
    assert f"over {texts.base.n} continuations of base and {2 * texts.base.n} of tuned" in chart.alt


def test_the_report_shows_an_example_once_though_three_adapters_answered_it() -> None:
    inputs = run(pairs_per_category=5)
    generations = [*inputs.generations, *tuned_rows(inputs), *tuned_rows(inputs)]
    texts = findings(replace(inputs, generations=generations)).texts
    shown = [texts.matched[index][0].prompt_id for index in choose(texts.matched, 0)]
    assert len(shown) == len(set(shown))
