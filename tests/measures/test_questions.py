"""The claim on multiple-choice accuracy, and what a report says of BBQ and of classifiers that differ."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from counterpoise.evaluation.accuracy import accuracy_measures
from counterpoise.evaluation.bbq_score import bbq_measures
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.measures.claims import claims
from counterpoise.measures.criteria import limited
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import ACCURACY, BBQ_ACCURACY, BBQ_BIAS
from counterpoise.records import Variant
from counterpoise.report.views import bbq_by_category, benchmarks


def choices(right: Sequence[bool], variant: Variant) -> list[BenchmarkScore]:
    return [
        BenchmarkScore("choices", f"piqa/{at}", "piqa", "piqa", "yes", option, variant, value, 1)
        for at, one in enumerate(right)
        for option, value in (("yes", 0.0 if one else -9.0), ("nah", -1.0))
    ]


@pytest.mark.parametrize(
    ("lost", "gained", "outcome"),
    [
        (0, 0, "holds"),
        (5, 3, "undecided"),  # −0.4 points, and the interval reaches beyond −0.5
        (50, 0, "fails"),
    ],
)
def test_accuracy_may_fall_by_half_a_point(lost: int, gained: int, outcome: str) -> None:
    base = choices([True] * 400 + [False] * 100, "base")
    tuned = choices([True] * (400 - lost) + [False] * (100 + lost - gained) + [True] * gained, "tuned")
    (claim,) = claims(limited(accuracy_measures(base + tuned, seed=0)))
    assert (claim.name, claim.outcome, claim.cost) == ("Multiple-choice accuracy is preserved", outcome, True)
    assert [row.name for row in claim.measures] == [ACCURACY]


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
