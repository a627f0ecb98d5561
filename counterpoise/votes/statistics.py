"""Win rates with intervals, and how far the raters agree. Pure functions over votes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.metrics.intervals import Interval, wilson
from counterpoise.votes.records import QUESTIONS, Question, Vote


@dataclass(frozen=True, slots=True)
class WinRate:
    """The votes on one question.

    Attributes:
        tuned, base, ties, both_bad: votes for each choice.
        rate: percentage of the votes that decided (tuned or base) that went to tuned; 50 where none did.
        interval: Wilson 95 % interval of ``rate``, percent. It takes votes as independent: with several
            votes by one rater or on one item it is narrower than it should be.
        alpha: agreement between raters, see :func:`krippendorff_alpha`; None where nothing can be compared.
    """

    tuned: int
    base: int
    ties: int
    both_bad: int
    rate: float
    interval: Interval
    alpha: float | None

    @property
    def votes(self) -> int:
        """All votes on the question."""
        return self.tuned + self.base + self.ties + self.both_bad


@dataclass(frozen=True, slots=True)
class VoteSummary:
    """What people said.

    Attributes:
        raters, items: how many distinct ones there are.
        shared_items: items with votes of two raters or more, the only ones agreement can be seen on.
        questions: question → its win rate.
    """

    raters: int
    items: int
    shared_items: int
    questions: Mapping[Question, WinRate]

    @property
    def votes(self) -> int:
        """Votes that count: one a rater and item."""
        return self.questions["fluency"].votes


def standing(votes: Iterable[Vote]) -> list[Vote]:
    """The last vote of each rater on each item, oldest first: who votes again has changed their mind."""
    last: dict[tuple[str, str], Vote] = {}
    for vote in sorted(votes, key=lambda vote: (vote.cast_at, vote.vote_id)):
        last.pop((vote.rater, vote.item), None)
        last[vote.rater, vote.item] = vote
    return list(last.values())


def summarise(votes: Iterable[Vote]) -> VoteSummary:
    """Win rates and agreement over the votes that stand."""
    counted = standing(votes)
    raters_of = Counter(vote.item for vote in counted)
    return VoteSummary(
        raters=len({vote.rater for vote in counted}),
        items=len(raters_of),
        shared_items=sum(number > 1 for number in raters_of.values()),
        questions={question: _win_rate(counted, question) for question in QUESTIONS},
    )


def _win_rate(votes: Sequence[Vote], question: Question) -> WinRate:
    counts = Counter(vote.answer(question) for vote in votes)
    tuned, decided = counts["tuned"], counts["tuned"] + counts["base"]
    low, high = wilson(tuned, decided)
    by_item: dict[str, list[Hashable]] = defaultdict(list)
    for vote in votes:
        by_item[vote.item].append(vote.answer(question))
    return WinRate(
        tuned=tuned,
        base=counts["base"],
        ties=counts["tie"],
        both_bad=counts["both bad"],
        rate=100 * tuned / decided if decided else 50.0,
        interval=(100 * low, 100 * high),
        alpha=krippendorff_alpha(by_item.values()),
    )


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's α for nominal values: 1 is full agreement, 0 what chance gives, below 0 less.

    Any number of raters a unit, not the same ones everywhere: Cohen's κ wants two fixed raters and Fleiss' κ
    equally many a unit, neither of which volunteers are. Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability", section C: α = 1 − D_o / D_e over the coincidence matrix, in which every ordered pair
    of values within a unit of m counts 1 / (m − 1). Units with one value cannot be compared and drop out.

    Args:
        units: the values given to each unit.

    Returns:
        α, or None where no unit has two values or all values are the same (D_e = 0: chance could not differ).
    """
    totals: Counter[Hashable] = Counter()
    disagreement = 0.0
    for values in units:
        if len(values) < 2:
            continue
        counts = Counter(values)
        totals += counts
        differing = len(values) ** 2 - sum(number**2 for number in counts.values())
        disagreement += differing / (len(values) - 1)
    n = sum(totals.values())
    expected = n**2 - sum(number**2 for number in totals.values())
    if not expected:
        return None
    return 1 - (n - 1) * disagreement / expected
