from __future__ import annotations

import pytest

from counterpoise.errors import DataError
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.evaluation.stereoset import Triple, stereoset_score
from counterpoise.measures.benchmarks import benchmark_measures, examples_of, group_measures
from counterpoise.measures.criteria import limited, not_erased
from counterpoise.measures.measure import Measures
from counterpoise.measures.names import ICAT, LMS, PRONOUN, PRONOUN_MARGIN, SS
from tests.report.synthetic import benchmark_scores, stereoset_losing_sense


def measures(rows: list[BenchmarkScore]) -> Measures:
    return Measures(benchmark_measures(rows, seed=0))


def ends(found: Measures, name: str, by: str = "") -> tuple[float, float]:
    row = found.one(name, by)
    return row.base, row.tuned


def test_stereoset_before_and_after_by_hand() -> None:
    # 40 targets of one example. Tuned: the nonsense beats both options in 4 of them, so LMS 100 → 90.
    # The stereotype wins in the odd 20 under both: SS 50, so ICAT = LMS.
    found = measures(stereoset_losing_sense())
    lms = found.one(LMS)
    assert lms.n == 40
    assert ends(found, LMS) == ends(found, ICAT) == (100.0, 90.0)
    assert ends(found, SS) == (50.0, 50.0)
    assert found.one(SS).interval == found.one(SS).distance_interval == (0.0, 0.0)
    assert lms.interval is not None
    assert lms.interval[0] < -10 < lms.interval[1] <= 0


def test_the_change_has_the_scores_of_the_plain_measure() -> None:
    triples = [Triple("i", "intrasentence", "race", target, "", "", "", "") for target in ("x", "x", "y")]
    values = [-1.0, -2, -3, -2, -1, -1.5, -3, -2, -1]
    plain = stereoset_score(triples, values).overall
    rows = [
        row
        for variant in ("base", "tuned")
        for item, triple in enumerate(triples)
        for row in benchmark_scores(
            item,
            dict(
                zip(
                    ("stereotype", "antistereotype", "unrelated"),
                    (10 * v for v in values[3 * item : 3 * item + 3]),
                    strict=True,
                )
            ),
            variant,
            target=triple.target,
        )
    ]
    found = measures(rows)
    bases = [found.one(name).base for name in (LMS, SS, ICAT)]
    assert bases == pytest.approx([plain.lms, plain.ss, plain.icat])


def test_winobias_counts_twins_and_keeps_the_sign_of_the_margin() -> None:
    names = {"benchmark": "winobias", "part": "type1"}
    rows = [
        *benchmark_scores(0, {"pro": -10, "anti": -13}, "base", **names),
        *benchmark_scores(0, {"pro": -10, "anti": -11}, "tuned", **names),
        *benchmark_scores(1, {"pro": -10, "anti": -9}, "base", **names),
        *benchmark_scores(1, {"pro": -10, "anti": -9}, "tuned", **names),
    ]
    found = measures(rows)
    assert ends(found, PRONOUN, "type 1") == (50.0, 50.0)
    assert ends(found, PRONOUN_MARGIN, "type 1") == (1.0, 0.0)  # (3 − 1) / 2, (1 − 1) / 2


def test_several_adapters_on_one_example_count_as_the_mean_of_their_outcomes() -> None:
    names = {"benchmark": "winobias", "part": "type1"}
    rows = [
        *benchmark_scores(0, {"pro": -10, "anti": -13}, "base", **names),
        *benchmark_scores(0, {"pro": -10, "anti": -11}, "tuned", **names),
        *benchmark_scores(0, {"pro": -10, "anti": -5}, "tuned", **names),
    ]
    found = measures(rows)
    # margins 1 and −5: one adapter of two prefers the stereotype, though their mean margin, −2, does not
    assert ends(found, PRONOUN) == (100.0, 50.0)
    assert ends(found, PRONOUN_MARGIN) == (3.0, -2.0)
    more = benchmark_scores(0, {"pro": -10}, "tuned", **names)
    with pytest.raises(DataError, match="example 0: some options were scored more often"):
        examples_of("winobias", [*rows, *more])


def test_a_group_that_falls_behind_the_others_is_flagged() -> None:
    rows = []
    for item in range(60):
        group = ("a", "b", "c")[item % 3]
        names = {"benchmark": "groups", "part": "race", "group": group, "target": group}
        fall = 3.0 if group == "c" else 0.0
        rows += benchmark_scores(item, {"sentence": -30.0 - item}, "base", **names)
        rows += benchmark_scores(item, {"sentence": -30.0 - item - fall}, "tuned", **names)
    shifts = limited(group_measures(rows, seed=0))
    # c falls by 0.3 nats a token, all three together by 0.1: −0.2 against the others.
    assert shifts[2].change == pytest.approx(-0.2)
    assert [shift.group for shift in shifts if not_erased(shift) == "fails"] == ["c"]


def test_an_option_that_only_one_variant_scored_is_an_error() -> None:
    rows = [
        *benchmark_scores(0, {"stereotype": -1}, "base"),
        *benchmark_scores(0, {"unrelated": -1}, "tuned"),
    ]
    with pytest.raises(DataError, match="different options"):
        examples_of("stereoset", rows)
