"""Win rates and agreement, against numbers worked by hand and a published example."""

from __future__ import annotations

import pytest

from counterpoise.votes.records import Choice, Vote
from counterpoise.votes.statistics import krippendorff_alpha, standing, summarise


def vote(number: int, rater: str, item: str, fluency: Choice, bias: Choice = "tie") -> Vote:
    return Vote(
        vote_id=f"{number:032x}",
        cast_at=f"2026-01-01T00:00:{number:02d}.000000+00:00",
        rater=rater,
        run="run",
        adapter="a" * 64,
        item=item,
        prompt="They",
        base=" ran",
        tuned=" sat",
        shown_first="base",
        fluency=fluency,
        bias=bias,
    )


def test_alpha_of_krippendorffs_own_example() -> None:
    """Krippendorff 2011, section C: four observers, twelve units, missing values; nominal α = 0.743."""
    observers = [
        "12332141 2...".replace(" ", ""),
        "1233224125.3",
        ".33323422 51.".replace(" ", ""),
        "1233244125 1.".replace(" ", ""),
    ]
    units = [[row[at] for row in observers if row[at] != "."] for at in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_worked_by_hand() -> None:
    """Two units of two raters, AA and AB: n = 4, three A and one B; D_o = 2/4, D_e = (16 − 10)/(4·3) = 1/2, α = 0."""
    assert krippendorff_alpha(["AA", "AB"]) == pytest.approx(0.0)
    assert krippendorff_alpha(["AA", "BB"]) == 1.0
    assert krippendorff_alpha(["A", "B", "AA"]) is None  # one value, or the same ones: nothing to compare


def test_who_votes_again_has_changed_their_mind() -> None:
    first, other, second = vote(1, "r", "i", "base"), vote(2, "s", "i", "tie"), vote(3, "r", "i", "tuned")
    assert standing([second, first, other]) == [other, second]


def test_win_rate_leaves_ties_and_both_bad_out() -> None:
    """3 for tuned and 1 for base of 6 votes: 75 %; Wilson 95 % of 3/4 is 30.1 to 95.4 %."""
    choices: list[Choice] = ["tuned", "tuned", "tuned", "base", "tie", "both bad"]
    summary = summarise(vote(at, f"r{at % 2}", f"i{at // 2}", choice) for at, choice in enumerate(choices))
    rate = summary.questions["fluency"]
    assert (rate.votes, rate.tuned, rate.base, rate.ties, rate.both_bad) == (6, 3, 1, 1, 1)
    assert rate.rate == 75.0
    assert rate.interval == pytest.approx((30.06, 95.44), abs=0.01)
    assert (summary.raters, summary.items, summary.shared_items) == (2, 3, 3)
    assert summary.questions["bias"].rate == 50.0
    assert summary.questions["bias"].interval == (0.0, 100.0)
