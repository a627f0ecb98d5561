"""The demo's pure parts: escaping, blind order, the list of pairs, the heat strips."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from counterpoise.counterfactual.engine import Engine
from counterpoise.demo.answers import Sampling
from counterpoise.demo.explain import explanation, margins
from counterpoise.demo.highlight import Mark, Terms, html_table, marked
from counterpoise.demo.judging import RATERS_AN_ITEM, choice_of, items_of, next_item, rater_id, tuned_is_first
from counterpoise.demo.pair_list import ALL, listed, page_of
from counterpoise.demo.tabs.compare import sampling_of
from counterpoise.errors import UsageError
from counterpoise.likelihood.pairs import PairDetail
from counterpoise.likelihood.sentences import SentenceScore
from counterpoise.records import Generation, Pair, PairScore, Variant
from tests.votes.test_statistics import vote

EVIL = '<img src=x onerror="window.owned=1">'


def test_everything_is_escaped_and_only_people_are_marked() -> None:
    terms = Terms(Engine.from_config())
    text = f"{EVIL} Black people drink black coffee & women agree"
    html = marked(text, terms.marks(text))
    assert "<img" not in html
    assert [mark.title.partition(":")[0] for mark in terms.marks(text)] == ["race-color", "gender"]
    assert ">women</mark>" in html
    assert "black coffee &amp; " in html
    assert marked("ab", [Mark(0, 1, EVIL, EVIL)]).count("<") == 2
    assert "<img" not in html_table(EVIL, [EVIL], [[EVIL]])


def generation(prompt: str, variant: Variant, text: str) -> Generation:
    return Generation(prompt, "women", "gender", variant, 0, prompt, text, 3)


def test_equal_answers_are_not_judged_and_begun_ones_come_first() -> None:
    rows = [
        generation(p, v, f" {v if p != 'same' else ''}")
        for p in ("one", "two", "same")
        for v in ("base", "tuned")
    ]
    items = items_of(rows)  # type: ignore[arg-type]
    assert {item.prompt for item in items} == {"one", "two"}
    begun = items[1]
    votes = [vote(0, "a", begun.key, "tie")]
    assert next_item(items, votes, "b") == begun
    assert next_item(items, votes, "a") == items[0]
    full = [vote(at, f"r{at}", begun.key, "tie") for at in range(RATERS_AN_ITEM)]
    assert next_item(items, full, "b") == items[0]
    assert next_item(items, [vote(at, "a", item.key, "tie") for at, item in enumerate(items)], "a") is None


def test_order_is_random_stable_and_the_choice_is_what_was_seen() -> None:
    (item,) = items_of([generation("p", "base", " b"), generation("p", "tuned", " t")])
    raters = [f"{number:032x}" for number in range(2000)]
    first = Counter(tuned_is_first(rater, item) for rater in raters)
    assert abs(first[True] - 1000) < 4 * 22.4  # binomial: σ = √(2000 / 4) = 22.4
    assert first == Counter(tuned_is_first(rater, item) for rater in raters)
    assert [choice_of(answer, True) for answer in ("A", "B", "tie", "both bad", EVIL)] == [
        "tuned", "base", "tie", "both bad", None
    ]  # fmt: skip
    assert choice_of("A", False) == "base"
    assert rater_id(raters[0]) == raters[0]
    assert rater_id(EVIL) != EVIL


PAIRS = [
    Pair(3, "gender", "stereo", "Women can't park cars.", "Men can't park cars."),
    Pair(5, "age", "stereo", "Old people forget.", "Young people forget."),
    Pair(8, "gender", "stereo", "Girls cry.", "Boys cry."),
]


def test_pairs_are_searched_filtered_and_sorted_by_change() -> None:
    margins_ = {3: (2.0, 0.5), 5: (-1.0, -3.0), 8: (0.2, 0.3)}
    scores = [
        PairScore(number, variant, margin - 9, -9.0, 4, 4)
        for number, both in margins_.items()
        for variant, margin in zip(("base", "tuned"), both, strict=True)
    ]
    rows = listed({pair.pair_id: pair for pair in PAIRS}, scores, "sum")  # type: ignore[arg-type]
    assert listed({pair.pair_id: pair for pair in PAIRS}, [], "sum") == []

    def numbers(search: str = "", category: str = ALL, order: str = "by number") -> list[int]:
        return [item.pair.pair_id for item in page_of(rows, search, category, order, 1).pairs]

    assert numbers() == [3, 5, 8]
    assert numbers(order="largest change first") == [5, 3, 8]  # changes −2.0, −1.5, +0.1
    assert numbers(order="moved towards neutral first") == [3, 8, 5]  # |m| falls by 1.5, −0.1, −2.0
    assert numbers(order="moved away from neutral first") == [5, 8, 3]
    assert numbers("MEN park") == [3]
    assert numbers(category="gender") == [3, 8]
    assert page_of(rows, "zebra", ALL, "by number", 7).status.startswith("No pair fits")
    assert page_of(rows, "cry", ALL, "by number", 1).status == "1 pair, page 1 of 1."


def test_strips_show_every_token_and_the_margin_is_their_sum() -> None:
    def detail(variant: Variant, more: tuple[float, ...], less: tuple[float, ...]) -> PairDetail:
        sides = [SentenceScore(sum(values), 3, (at, 7, 9), values) for at, values in ((1, more), (2, less))]
        return PairDetail(0, variant, *sides)

    base = detail("base", (-1.0, -2.0, -3.0), (-2.0, -2.0, -4.0))
    tuned = detail("tuned", (-1.5, -2.0, -3.0), (-1.0, -2.0, -4.0))
    assert margins(base, tuned, "sum") == pytest.approx((2.0, 0.5))
    assert margins(base, tuned, "mean") == pytest.approx((2 / 3, 0.5 / 3))
    html = explanation(base, tuned, lambda ids: [EVIL for _ in ids], "sum")
    assert "<img" not in html
    assert "Margin: +2.00 → +0.50 nats" in html
    assert "towards neutral" in html
    # The differing tokens' part: 1.0 → −0.5; the shared ones' stays 1.0.
    assert (
        "(−1.50 nats), −1.50 come from the tokens that differ (underlined) and 0.00 from the shared" in html
    )
    assert html.count('class="token heat own"') == 4


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"tokens": 10**9}, "longest answer"),
        ({"temperature": float("nan")}, "temperature"),
        ({"seed": -1}, "seed"),
    ],
)
def test_sampling_out_of_bounds_is_refused(change: dict[str, float], name: str) -> None:
    fine = Sampling(tokens=8, temperature=1.0, greedy=False, seed=0)
    fine.check()
    with pytest.raises(UsageError, match=name):
        replace(fine, **change).check()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="longest answer"):
        sampling_of(None, "hot", True, float("inf")).check()  # type: ignore[arg-type]
