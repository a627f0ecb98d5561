from __future__ import annotations

import dataclasses
from statistics import median

import pytest

from counterpoise.alignment.records import ReferenceLogProb
from counterpoise.alignment.targets import target_margins
from tests.alignment.material import TRAIN

GENDER, RACE = TRAIN[:3], [dataclasses.replace(row, category="race-color") for row in TRAIN[3:5]]
ROWS = [*GENDER, *RACE]
MARGINS = [-5.0, -1.0, 3.0, 2.0, 4.0]
REFERENCE = [
    ReferenceLogProb(row.preference_id, chosen=margin - 30, rejected=-30)
    for row, margin in zip(ROWS, MARGINS, strict=True)
]


def targets(shrink: float) -> list[float]:
    result = target_margins(ROWS, REFERENCE, REFERENCE, shrink)
    return [result[row.preference_id] for row in ROWS]


def test_centred_by_category_with_small_ones_pulled_to_the_median_of_all() -> None:
    # medians: all 2, gender −1, race 3; centres (3·−1 + 20·2)/23 = 37/23 and (2·3 + 20·2)/22 = 46/22
    gender, race = 37 / 23, 46 / 22
    expected = [-5 - gender, -1 - gender, 3 - gender, 2 - race, 4 - race]
    assert targets(0.0) == pytest.approx(expected)
    assert targets(0.25) == pytest.approx([0.75 * value for value in expected])
    assert targets(1.0) == [0.0] * 5


def test_a_large_category_is_centred_at_its_own_median() -> None:
    rows = [dataclasses.replace(TRAIN[0], preference_id=str(number)) for number in range(101)]
    reference = [ReferenceLogProb(row.preference_id, number / 10, 0.0) for number, row in enumerate(rows)]
    assert median(target_margins(rows, reference, reference, 0.0).values()) == pytest.approx(0)


def test_origins_are_centred_apart() -> None:
    other = [
        dataclasses.replace(row, preference_id=f"x{row.preference_id}", origin="counterfactual")
        for row in GENDER
    ]
    reference = [*REFERENCE[:3], *(ReferenceLogProb(row.preference_id, 7.0, 0.0) for row in other)]
    result = target_margins([*GENDER, *other], reference, reference, 0.0)
    # medians: all 5 (between 3 and 7), counterfactual 7; centre (3·7 + 20·5)/23
    assert result["x" + GENDER[0].preference_id] == pytest.approx(7 - 121 / 23)


def test_the_centre_is_the_judged_models_and_the_shape_the_trained_ones() -> None:
    rows = [dataclasses.replace(TRAIN[0], preference_id=str(number)) for number in range(3)]
    trained, judged = (
        [ReferenceLogProb(row.preference_id, margin, 0.0) for row, margin in zip(rows, margins, strict=True)]
        for margins in ([-1.0, 0.0, 1.0], [-3.0, -2.0, -1.0])
    )
    # the judged median −2 is what has to go away, so every margin is to rise by 2
    assert list(target_margins(rows, trained, judged, 0.0).values()) == pytest.approx([1, 2, 3])


def test_a_full_shrink_asks_for_the_change_that_brings_the_judged_margin_to_zero() -> None:
    rows = [dataclasses.replace(TRAIN[0], preference_id=str(number)) for number in range(2)]
    trained = [ReferenceLogProb("0", 5.0, 0.0), ReferenceLogProb("1", -1.0, 0.0)]
    judged = [ReferenceLogProb("0", 2.0, 0.0), ReferenceLogProb("1", -3.0, 0.0)]
    # the judged margins 2 and −3 are to change by −2 and +3; so are the trained ones: 5 − 2 and −1 + 3
    assert list(target_margins(rows, trained, judged, 1.0).values()) == pytest.approx([3, 2])


def test_targets_are_of_the_margin_that_is_pushed() -> None:
    rows = [dataclasses.replace(TRAIN[0], preference_id="0")]
    trained, judged = ReferenceLogProb("0", 5.0, 0.0, 1.5), ReferenceLogProb("0", 2.0, 0.0, 1.0)
    # shared: 1.5 − 1; whole: 5 − 2; half of the rest: (1.5 + 1.75) − (1 + 0.5)
    for weight, target in ((0.0, 0.5), (1.0, 3.0), (0.5, 1.75)):
        assert target_margins(rows, [trained], [judged], 1.0, weight) == {"0": pytest.approx(target)}
