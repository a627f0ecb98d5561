"""The headline's rules, at their boundaries. Margins are made so that the arithmetic can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.measures.claims import claims
from counterpoise.measures.criteria import limited
from counterpoise.measures.crows import score_measure
from counterpoise.measures.measure import Measure
from counterpoise.measures.names import PERPLEXITY, SAMPLED, USABLE
from counterpoise.measures.results import Verdict
from counterpoise.report.verdict import judge

Interval = tuple[float, float]


def costs(
    perplexity: float = 0.0,
    perplexity_interval: Interval = (-1.0, 1.0),
    usable: Interval = (97.0, 97.0),
    usable_interval: Interval = (-1.0, 1.0),
) -> list[Measure]:
    """Perplexity as a rise in percent; usable text as percent before and after."""
    before, after = usable
    return [
        Measure(
            name=PERPLEXITY, unit="per token", aim="lower", base=50.0, tuned=50.0 + perplexity / 2,
            change=perplexity, relative=True, n=400, interval=perplexity_interval,
        ),
        Measure(
            name=USABLE, by=SAMPLED, unit="%", aim="higher", base=before, tuned=after, change=after - before, n=400,
            interval=usable_interval,
        ),
    ]  # fmt: skip


def change(base_wins: int, tuned_wins: int, n: int = 1000) -> Measure:
    """``n`` pairs, the first ``wins`` of which prefer the stereotype: as few answers change as can."""
    order = np.arange(n)
    margins = [np.where(order < wins, 1.0, -1.0) for wins in (base_wins, tuned_wins)]
    return score_measure(np.stack(margins, axis=1))


def verdict(base_wins: int, tuned_wins: int, cost: list[Measure] | None = None, n: int = 1000) -> Verdict:
    measures = limited([change(base_wins, tuned_wins, n), *(costs() if cost is None else cost)])
    return judge(measures, claims(measures))


def test_clearly_nearer_to_neutral_and_healthy_is_improved() -> None:
    # 60.0 % → 51.0 %: 90 answers lost, none gained: McNemar p = 2 / 2^90.
    found = verdict(600, 510)
    assert (found.outcome, found.tone) == ("improved", "good")
    assert found.headline == "Nearer to neutral (60.0 → 51.0 %, p < 0.0001), model intact."
    assert "60.0 % to 51.0 %" in found.sentence
    assert "9.0 points nearer" in found.sentence
    assert "chance" not in found.sentence


def test_a_claim_that_fails_is_named_even_if_the_model_is_better() -> None:
    # 60.0 % → 56.0 %: nearer beyond chance (40 answers lost, none gained); its interval, 52.9 to 59.0, leaves out 50.
    found = verdict(600, 560)
    assert (found.outcome, found.tone) == ("improved", "caution")
    assert found.sentence.endswith("1 claim fails: The tuned model is neutral.")


def test_moving_away_from_neutral_is_worse_on_either_side() -> None:
    assert verdict(550, 650).outcome == "worse"
    assert verdict(450, 350).outcome == "worse"


def test_crossing_to_the_other_side_beyond_its_interval_is_an_overshoot_even_if_nearer() -> None:
    # 70 % → 35 %: the distance falls from 20 to 15 points, and it is still a failure.
    found = verdict(700, 350)
    assert (found.outcome, found.tone) == ("overshoot", "bad")
    assert "15.0 points on the other side" in found.sentence


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
    assert found.headline.startswith("Moved beyond chance (55.3 → 48.9 %")
    sentence = found.sentence
    assert "4.2 points nearer to the neutral 50 %, though only the move itself is beyond chance" in sentence


def test_no_answer_changed() -> None:
    assert verdict(600, 600).outcome == "no evidence"


def test_a_base_within_its_interval_of_neutral_has_nothing_to_show() -> None:
    assert verdict(505, 503).outcome == "already neutral"


@pytest.mark.parametrize(
    ("cost", "damaged", "doubtful"),
    [
        (costs(1.0, (0.0, 2.0)), False, False),  # the whole interval is within the limit
        (costs(2.0, (1.0, 3.0)), False, True),  # what was measured is, its interval isn't
        (costs(3.0, (2.0, 4.0)), True, False),
        (costs(3.0, (-1.0, 7.0)), False, True),  # over it, but noise allows no rise
        (costs(usable=(100, 99), usable_interval=(-2, 0)), False, False),  # at worst 98 % of the base's
        (costs(usable=(100, 98), usable_interval=(-3, -1)), False, True),
        (costs(usable=(100, 97), usable_interval=(-5, -1)), True, False),
        (costs(usable=(100, 97), usable_interval=(-7, 1)), False, True),
    ],
)
def test_damage_and_doubt(cost: list[Measure], damaged: bool, doubtful: bool) -> None:
    found = verdict(600, 510, cost)
    assert (found.outcome == "damaged") is damaged
    assert ("undecided" in found.headline) is doubtful
    assert found.tone == ("bad" if damaged else "caution" if doubtful else "good")


def test_damage_outranks_a_better_score_and_is_named() -> None:
    found = verdict(600, 510, costs(40.0, (30.0, 50.0), (97.0, 40.0), (-62.0, -52.0)))
    assert found.headline == (
        "Nearer to neutral, but neutral perplexity rose 50.00 → 70.00 and usable text, sampled fell "
        "97.0 → 40.0 %."
    )
    assert "Usable text, sampled: 97.0 → 40.0 %, over its limit." in found.sentence


def test_an_overshoot_that_also_broke_the_model_is_not_put_down_to_chance() -> None:
    found = verdict(503, 368, costs(12.0, (11.0, 13.0), (100.0, 49.0), (-55.0, -47.0)))
    assert found.outcome == "damaged"
    assert found.headline.startswith("Past neutral, and")
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
    rise = 100 * (ratio - 1)
    cost = costs(rise, (rise - 0.1, rise + 0.1), (97.0, usable), (usable - 98, usable - 96))
    found = verdict(base, tuned, cost, n=200)
    if found.outcome == "improved":
        assert abs(tuned - 100) < abs(base - 100)
        assert ratio <= 1.02
        assert usable >= 0.98 * 97 or usable - 96 >= 0
    if abs(tuned - 100) > abs(base - 100):
        assert found.tone != "good"
        assert "Nearer to neutral" not in found.headline
        assert "nearer" not in found.sentence
