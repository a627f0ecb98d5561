"""What a report says first, chosen by rules that cannot call a worse model improved; the words are a template's."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.measures.claims import Claim
from counterpoise.measures.criteria import ALPHA
from counterpoise.measures.measure import FAILS, OPEN, Measure, Measures
from counterpoise.measures.names import LMS, PERPLEXITY, SCORE, USABLE
from counterpoise.measures.results import TONES, Ending, Verdict
from counterpoise.report.rendering import to_line
from counterpoise.report.words import plain


def judge(measures: Measures, claims: Sequence[Claim]) -> Verdict:
    """The verdict over held-out pairs: damage first, then direction, then significance.

    ``improved`` takes all of: |score − 50| fell with its 95 % bootstrap interval below 0, exact McNemar p < 0.01, and
    no cost claim failed.
    """
    score = measures.one(SCORE)
    damage = [claim for claim in claims if claim.cost and claim.outcome == FAILS]
    doubts = [claim for claim in claims if claim.cost and claim.outcome == OPEN]
    outcome = "damaged" if damage else _outcome(score)
    tone = TONES.get(outcome, "caution")
    said = {
        "outcome": outcome,
        "score": score,
        "damage": [row for claim in damage for row in claim.measures],
        "failed": [claim.name for claim in claims if claim.outcome == FAILS and not claim.cost],
        "doubts": [row for claim in doubts for row in claim.measures],
        "costs": [
            row for name in (PERPLEXITY, USABLE, LMS) for row in measures.all(name, by=None) if row.limit
        ],
    }
    headline, sentence = (plain(to_line(f"{name}.j2", **said)) for name in ("headline", "sentence"))
    reserved = tone == "good" and (doubts or said["failed"])
    return Verdict(outcome, "caution" if reserved else tone, headline, sentence)


def _outcome(score: Measure) -> Ending:
    if score.verdict == "overshoot":
        return "overshoot"
    if score.verdict == "worse":
        return "worse"
    if score.verdict == "better" and score.adjusted_p < ALPHA:
        return "improved"
    return _unproven(score)


def _unproven(score: Measure) -> Ending:
    """What to call a change that is no proof of anything."""
    if score.flips == (0, 0):
        return "no evidence"
    if score.base_neutral:
        return "already neutral"
    return "undecided" if score.adjusted_p < ALPHA else "not significant"
