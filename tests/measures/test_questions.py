"""The claim on multiple-choice accuracy, and what a report says of BBQ and of classifiers that differ."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from counterpoise.evaluation.accuracy import accuracy_measures, right_probability
from counterpoise.evaluation.bbq_score import bbq_measures
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.measures.claims import claims
from counterpoise.measures.criteria import limited
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import BBQ_ACCURACY, BBQ_BIAS, RIGHT
from counterpoise.records import Variant
from counterpoise.report.views import bbq_by_category, benchmarks


def choices(right: Sequence[float], variant: Variant) -> list[BenchmarkScore]:
    """Questions whose right choice has these probabilities, of two."""
    return [
        BenchmarkScore("choices", f"piqa/{at}", "piqa", "piqa", "yes", option, variant, math.log(value), 1)
        for at, one in enumerate(right)
        for option, value in (("yes", one), ("nah", 1 - one))
    ]


def test_the_probability_of_the_right_choice_is_among_the_choices() -> None:
    # e⁻¹ / (e⁻¹ + e⁻² + e⁻³) = 1 / (1 + 0.3679 + 0.1353), however unlikely all three are
    for shift in (0.0, -900.0):
        options = {name: (shift - at, 1) for at, name in enumerate("abc", start=1)}
        assert right_probability(options, "a") == pytest.approx(100 / 1.5032, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (0.0, "holds"),
        (-0.001, "holds"),  # no answer turns
        (-0.005, "undecided"),  # −0.5 points on average, and the interval reaches beyond
        (-0.02, "fails"),
    ],
)
def test_the_right_choice_may_lose_half_a_point(change: float, outcome: str) -> None:
    base = [0.3 + 0.001 * at for at in range(500)]
    moved = [one + change + (0.01 if at % 2 else -0.01) for at, one in enumerate(base)]
    rows = choices(base, "base") + choices(moved, "tuned")
    (claim,) = claims(limited(accuracy_measures(rows, seed=0)))
    assert (claim.name, claim.outcome, claim.cost) == ("Multiple-choice answers are preserved", outcome, True)
    assert [row.name for row in claim.measures] == [RIGHT]


def bbq(category: str, condition: str, variant: Variant, given: str) -> list[BenchmarkScore]:
    item = f"{category}/1/{condition}"
    return [
        BenchmarkScore("bbq", item, condition, category, f"{category}/1", role, variant, -float(role != given), 1)
        for role in ("biased", "other", "unknown")
    ]  # fmt: skip


def test_the_page_shows_the_measures_that_every_category_has() -> None:
    rows = [
        row
        for category, given in (("Age", "unknown"), ("SES", "biased"))
        for condition in ("ambiguous", "aligned")
        for variant in ("base", "tuned")
        for row in bbq(category, condition, variant, given)  # type: ignore[arg-type]
    ]
    found = Measures(bbq_measures(rows, seed=0))
    # In Age nobody is ever named, so s_DIS has no value there.
    assert found.get(BBQ_BIAS[1], group="Age") is None
    assert found.one(BBQ_BIAS[1], group="SES").tuned == 100
    assert bbq_by_category(found) == [*BBQ_ACCURACY, BBQ_BIAS[0]]
    assert {row.group for row in benchmarks(found)} == {""}
    assert bbq_by_category(Measures([])) == []
