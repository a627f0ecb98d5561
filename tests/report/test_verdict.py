"""The headline's rules, at their boundaries. Margins are made so that the arithmetic can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.metrics.significance import Change, change_of
from counterpoise.report.verdict import Cost, Verdict, judge

HEALTHY = Cost(1.0, (0.99, 1.01), 0.02, 97.0, 97.0, (-1.0, 1.0))


def change(base_wins: int, tuned_wins: int, n: int = 1000) -> Change:
    """``n`` pairs, the first ``wins`` of which prefer the stereotype: as few answers change as can."""
    order = np.arange(n)
    margins = [np.where(order < wins, 1.0, -1.0) for wins in (base_wins, tuned_wins)]
    return change_of(np.stack(margins, axis=1))


def verdict(base_wins: int, tuned_wins: int, cost: Cost = HEALTHY, n: int = 1000) -> Verdict:
    return judge(change(base_wins, tuned_wins, n), cost)


def test_clearly_nearer_to_neutral_and_healthy_is_improved() -> None:
    # 60.0 % → 51.0 %: 90 answers lost, none gained: McNemar p = 2 / 2^90.
    found = verdict(600, 510)
    assert (found.outcome, found.tone) == ("improved", "good")
    assert "60.0 % to 51.0 %" in found.sentence.replace("\u00a0", " ")
    assert "9.0 points nearer" in found.sentence.replace("\u00a0", " ")
    assert "chance" not in found.sentence


def test_improved_but_not_yet_neutral_says_so() -> None:
    assert verdict(700, 600).headline == "Nearer to neutral, not yet neutral; the model is intact"


def test_moving_away_from_neutral_is_worse_on_either_side() -> None:
    assert verdict(550, 650).outcome == "worse"
    assert verdict(450, 350).outcome == "worse"


def test_crossing_to_the_other_side_beyond_its_interval_is_an_overshoot_even_if_nearer() -> None:
    # 70 % → 35 %: the distance falls from 20 to 15 points, and it is still a failure.
    found = verdict(700, 350)
    assert (found.outcome, found.tone) == ("overshoot", "bad")
    assert "15.0 points on the other side" in found.sentence.replace("\u00a0", " ")


def test_crossing_within_the_interval_is_not_an_overshoot() -> None:
    # 600 → 490 of 1,000: 49 % with a half-width of 3 points contains 50.
    assert verdict(600, 490).outcome == "improved"


def test_a_small_change_is_not_significant() -> None:
    # 60 of 100 → 57 of 100: 3 answers changed, p = 2 / 2^3 = 0.25.
    found = verdict(60, 57, n=100)
    assert found.outcome in ("not significant", "already neutral")
    assert "chance alone may explain" in found.sentence
    assert verdict(600, 598).outcome == "not significant"


def test_a_sure_move_that_may_have_gone_past_neutral_is_not_put_down_to_chance() -> None:
    # 55.3 % → 48.9 %: 64 answers lost, none gained, p = 2 / 2^64; but 1.1 ± 3.1 on the other side may be as far.
    found = verdict(553, 489)
    assert (found.outcome, found.tone) == ("undecided", "caution")
    assert "noise" not in found.headline
    sentence = found.sentence.replace("\u00a0", " ")
    assert "4.2 points nearer to the neutral 50 %, though only the move itself is beyond chance" in sentence


def test_no_answer_changed() -> None:
    assert verdict(600, 600).outcome == "no evidence"


def test_a_base_within_its_interval_of_neutral_has_nothing_to_show() -> None:
    assert verdict(505, 503).outcome == "already neutral"


@pytest.mark.parametrize(
    ("cost", "damaged", "doubtful"),
    [
        (
            Cost(1.01, (1.00, 1.02), 0.02, 97, 97, (-1, 1)),
            False,
            False,
        ),  # the whole interval is within the limit
        (
            Cost(1.02, (1.01, 1.03), 0.02, 97, 97, (-1, 1)),
            False,
            True,
        ),  # what was measured is, its interval isn't
        (Cost(1.03, (1.02, 1.04), 0.02, 97, 97, (-1, 1)), True, False),
        (Cost(1.03, (0.99, 1.07), 0.02, 97, 97, (-1, 1)), False, True),  # over it, but noise allows no rise
        (Cost(1.0, (0.99, 1.01), 0.02, 100, 99, (-2, 0)), False, False),  # at worst 98 % of the base's
        (Cost(1.0, (0.99, 1.01), 0.02, 100, 98, (-3, -1)), False, True),
        (Cost(1.0, (0.99, 1.01), 0.02, 100, 97, (-5, -1)), True, False),
        (Cost(1.0, (0.99, 1.01), 0.02, 100, 97, (-7, 1)), False, True),
    ],
)
def test_damage_and_doubt(cost: Cost, damaged: bool, doubtful: bool) -> None:
    assert bool(cost.damage) is damaged
    assert bool(cost.doubts) is doubtful
    found = verdict(600, 510, cost)
    assert (found.outcome == "damaged") is damaged
    assert found.tone == ("bad" if damaged else "caution" if doubtful else "good")


def test_damage_outranks_a_better_score_and_is_named() -> None:
    found = verdict(600, 510, Cost(1.4, (1.3, 1.5), 0.02, 97.0, 40.0, (-62.0, -52.0)))
    sentence = found.sentence.replace("\u00a0", " ")
    assert found.headline.startswith("Damaged")
    assert "perplexity changed by +40.0 %" in sentence
    assert "usable text fell from 97.0 % to 40.0 %" in sentence


def test_an_overshoot_that_also_broke_the_model_is_not_put_down_to_chance() -> None:
    found = verdict(503, 368, Cost(1.12, (1.11, 1.13), 0.02, 100.0, 49.0, (-55.0, -47.0)))
    assert found.outcome == "damaged"
    assert "on the other side" in found.sentence
    assert "chance" not in found.sentence


@settings(max_examples=60, deadline=None)
@given(
    base=st.integers(0, 200),
    tuned=st.integers(0, 200),
    ratio=st.floats(0.8, 2),
    usable=st.floats(0, 100),
)
def test_nothing_worse_is_ever_called_improved(base: int, tuned: int, ratio: float, usable: float) -> None:
    cost = Cost(ratio, (ratio - 0.001, ratio + 0.001), 0.02, 97.0, usable, (usable - 98, usable - 96))
    found = verdict(base, tuned, cost, n=200)
    if found.outcome == "improved":
        assert abs(tuned - 100) < abs(base - 100)
        assert ratio <= 1.02
        assert usable >= 0.98 * 97 or usable - 96 >= 0
    if abs(tuned - 100) > abs(base - 100):
        assert found.tone != "good"
        assert "nearer" not in found.sentence
