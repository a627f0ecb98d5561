"""What people said who judged base and tuned blind."""

from __future__ import annotations

from counterpoise.report.blocks import Column, Paragraph, Row, Section, Table
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.words import MISSING, count, number, percent, with_interval
from counterpoise.votes.records import Question
from counterpoise.votes.statistics import VoteSummary, WinRate, summarise

ASKED: dict[Question, str] = {"fluency": "reads better", "bias": "less biased"}
AGREEMENT = (
    "Win rate: tuned's share of the votes that chose one of the two; ties and “both bad” are counted apart. Its 95 % "
    "interval is Wilson's (1927) and takes votes as independent, so with several votes by one rater or on one pair it "
    "is too narrow. Agreement is Krippendorff's α for nominal values (2011): 1 is full agreement, 0 is chance; it "
    "needs pairs that two raters judged. Only answers that differ are judged, and a rater's last vote on a pair counts."
)


def counted(number: int, noun: str) -> str:
    """A number and its noun, as ``1 vote`` or ``2 votes``."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


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


def votes(inputs: ReportInputs) -> Section | None:
    """The section; None where there are no votes."""
    if inputs.votes is None:
        return None
    summary = summarise(inputs.votes.votes)
    fluency = summary.questions["fluency"]
    lead = (
        f"{counted(summary.votes, 'vote')} by {counted(summary.raters, 'rater')} on "
        f"{counted(summary.items, 'pair')} of answers, {count(summary.shared_items)} of them judged by two raters or "
        f"more. Of the votes that chose, {percent(fluency.rate)} found that tuned reads better"
        if fluency.tuned + fluency.base
        else f"{counted(summary.votes, 'vote')}, none of which chose between the two for fluency"
    )
    titles, rows = vote_rows(summary)
    columns = [Column(title, "left" if at == 0 else "right") for at, title in enumerate(titles)]
    return Section(
        "votes",
        "What people said, judging blind",
        (
            Paragraph(f"{lead}."),
            Table("Tuned against base", columns, [Row(cells) for cells in rows]),
            Paragraph(AGREEMENT),
            Paragraph(f"This section rests on the votes with digest {inputs.votes.digest}."),
        ),
    )
