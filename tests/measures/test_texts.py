"""Continuations by one adapter, and by several that answer the same prompts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.errors import DataError
from counterpoise.measures.criteria import limited, not_erased
from counterpoise.measures.matching import match
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import ADAPTER, FAULT, GREEDY, GREEDY_NULL, MENTIONS, SAMPLED, TEXTS, USABLE
from counterpoise.measures.texts import TextFindings, text_findings
from counterpoise.metrics.health import fault
from counterpoise.records import Generation
from counterpoise.report.examples import choose
from counterpoise.report.figures import toxicity as toxicity_charts
from counterpoise.report.findings import findings
from counterpoise.report.inputs import ReportInputs
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


def numbers(texts: TextFindings) -> Measures:
    return limited(texts.measures)


def test_an_adapter_that_answers_twice_changes_nothing_but_the_count() -> None:
    """Two copies of one adapter are no more evidence than one: every value and interval stays."""
    inputs = run(pairs_per_category=5, broken_texts=0.2)
    once = found(inputs, list(inputs.generations))
    twice = found(inputs, [*inputs.generations, *tuned_rows(inputs)])
    assert (once.answers, twice.answers) == (1, 2)
    texts = numbers(twice).one(TEXTS)
    assert texts.tuned == 2 * texts.base == 2 * numbers(once).one(TEXTS).tuned
    for row in numbers(once):
        if row.name != TEXTS:
            again = numbers(twice).one(row.name, row.by, row.group)
            assert (again.base, again.n) == (row.base, row.n)
            assert (again.tuned, again.change) == pytest.approx((row.tuned, row.change)), row.label
            assert again.interval == pytest.approx(row.interval), row.label


def test_usable_text_is_the_mean_over_adapters() -> None:
    inputs = run(pairs_per_category=5)
    base = [replace(row, text=GOOD) for row in inputs.generations if row.variant == "base"]
    good = [replace(row, variant="tuned") for row in base]
    looping = [replace(row, text=LOOP) for row in good]
    assert fault(GOOD) is None and fault(LOOP) == "repeats"
    result = found(inputs, [*base, *good, *looping, *good])
    usable = numbers(result).one(USABLE)
    assert result.answers == 3
    assert (usable.base, usable.tuned) == (100.0, pytest.approx(200 / 3))
    assert numbers(result).one(FAULT, group="repeats").tuned == pytest.approx(100 / 3)


def test_greedy_and_sampled_texts_are_also_judged_apart() -> None:
    """Every greedy continuation loops and no sampled one does: half of all, all of the greedy, none of the others."""
    inputs = run(pairs_per_category=5)
    rows = [
        replace(row, text=LOOP if row.variant == "tuned" and row.sample == 0 else GOOD)
        for row in inputs.generations
    ]
    result = text_findings(rows, {}, seed=0, greedy=True)
    usable = {row.by: (row.base, row.tuned) for row in numbers(result).ways(USABLE)}
    assert usable == {"": (100.0, 50.0), GREEDY: (100.0, 0.0), SAMPLED: (100.0, 100.0)}


def test_greedy_text_is_also_judged_beside_a_random_adapter() -> None:
    """The random adapter's texts loop for half of the prompts, one trained adapter's for all, the other's for none."""
    inputs = run(pairs_per_category=5)
    base = [replace(row, text=GOOD) for row in inputs.generations if row.variant == "base"]
    bad, good = ([replace(row, variant="tuned", text=text) for row in base] for text in (LOOP, GOOD))
    prompts = sorted({row.prompt_id for row in base})
    half = set(prompts[::2])
    null = [replace(row, variant="tuned", text=LOOP if row.prompt_id in half else GOOD) for row in base]
    result = text_findings([*base, *bad, *good], {}, seed=0, greedy=True, null=null)
    found = numbers(result).one(USABLE, GREEDY_NULL)
    assert found.base == pytest.approx(100 * (1 - len(half) / len(prompts)))
    assert found.tuned == 50.0  # the mean of 0 and 100
    assert found.interval is not None and found.interval[0] < found.change < found.interval[1]
    some = [
        row for row in null if row.prompt_id in prompts[:4]
    ]  # the random adapter answers the first one's share
    part = numbers(text_findings([*base, *bad], {}, seed=0, greedy=True, null=some)).one(USABLE, GREEDY_NULL)
    assert (part.n, part.base, part.tuned) == (4, 50.0, 0.0)
    alone = text_findings([*base, *bad, *good], {}, seed=0, greedy=True)
    assert numbers(alone).get(USABLE, GREEDY_NULL) is None


def test_what_one_adapter_silences_is_not_hidden_by_what_another_says() -> None:
    inputs = run(pairs_per_category=5)
    rows = [row for row in inputs.generations if row.variant == "base"]
    base = [replace(row, text="The woman spoke." if at % 2 else GOOD) for at, row in enumerate(rows)]
    silent = [replace(row, variant="tuned", text=GOOD) for row in rows]
    loud = [replace(row, variant="tuned", text="The woman spoke.") for row in rows]
    result = numbers(found(inputs, [*base, *silent, *loud]))
    # 50 % of the base's texts mention women; none of one adapter's and all of the other's: 50 % on average
    together = result.one(MENTIONS, group="women")
    assert together.change == pytest.approx(0, abs=1.0)
    assert not_erased(together) == "holds"
    apart = [result.one(MENTIONS, f"{ADAPTER}{place}", "women") for place in (1, 2)]
    assert [not_erased(row) for row in apart] == ["fails", "holds"]
    assert apart[0].tuned == 0.0


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
    chart, _ = toxicity_charts(numbers(texts), texts)
    count = len(inputs.generations) // 2
    assert f"over {count} continuations of base and {2 * count} of tuned" in chart.alt


def test_the_report_shows_an_example_once_though_three_adapters_answered_it() -> None:
    inputs = run(pairs_per_category=5)
    generations = [*inputs.generations, *tuned_rows(inputs), *tuned_rows(inputs)]
    texts = findings(replace(inputs, generations=generations)).texts
    shown = [texts.matched[index][0].prompt_id for index in choose(texts.matched, 0)]
    assert len(shown) == len(set(shown))
