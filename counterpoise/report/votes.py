"""What people said who judged base and tuned blind."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.report.inputs import VoteEvidence
from counterpoise.report.tables import Row, Table, table
from counterpoise.report.words import MISSING, count, number, with_interval
from counterpoise.votes.records import Question
from counterpoise.votes.statistics import VoteSummary, WinRate, summarise

ASKED: dict[Question, str] = {"fluency": "reads better", "bias": "less biased"}
AGREEMENT = (
    "Win rate: tuned's share of the votes that chose one of the two; ties and “both bad” are counted apart. Its 95 % "
    "interval is Wilson's (1927) and takes votes as independent, so with several votes by one rater or on one pair it "
    "is too narrow. Agreement is Krippendorff's α for nominal values (2011): 1 is full agreement, 0 is chance; it "
    "needs pairs that two raters judged. Only answers that differ are judged, and a rater's last vote on a pair counts."
)


def vote_rows(summary: VoteSummary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Column titles and one row a question."""
    titles = ("question", "votes", "tuned", "base", "tie", "both bad", "win rate, % (95 %)", "agreement α")
    return titles, [_cells(ASKED[question], rate) for question, rate in summary.questions.items()]


def _cells(asked: str, rate: WinRate) -> tuple[str, ...]:
    decided = rate.tuned + rate.base
    return (
        asked,
        count(rate.votes),
        count(rate.tuned),
        count(rate.base),
        count(rate.ties),
        count(rate.both_bad),
        with_interval(number(rate.rate), *rate.interval) if decided else MISSING,
        number(rate.alpha, 2) if rate.alpha is not None else MISSING,
    )


@dataclass(frozen=True, slots=True)
class VoteSection:
    """What a report shows of the votes."""

    summary: VoteSummary
    table: Table
    note: str = AGREEMENT


def vote_section(evidence: VoteEvidence | None) -> VoteSection | None:
    """The counted votes; None where there are no votes."""
    if evidence is None:
        return None
    summary = summarise(evidence.votes)
    titles, rows = vote_rows(summary)
    return VoteSection(summary, table(titles, [Row(cells) for cells in rows]))
