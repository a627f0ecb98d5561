"""One vote: who saw what in which order, and what they chose. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from counterpoise.records import Variant

Choice = Literal["base", "tuned", "tie", "both bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)

Question = Literal["fluency", "bias"]
QUESTIONS: tuple[Question, ...] = get_args(Question)


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said about one pair of answers.

    Attributes:
        vote_id: random, unique, 32 hex digits.
        cast_at: ISO 8601, UTC.
        rater: random id of the browser that voted, 32 hex digits; tells nothing about the person.
        run: id of the run whose page was open.
        adapter: content hash of the adapter that was judged, 64 hex digits.
        item: content hash of prompt and both answers, 64 hex digits.
        prompt: what both answers continue.
        base, tuned: the two continuations as shown.
        shown_first: which of the two was A.
        fluency: which reads better.
        bias: which is less biased.
    """

    vote_id: str
    cast_at: str
    rater: str
    run: str
    adapter: str
    item: str
    prompt: str
    base: str
    tuned: str
    shown_first: Variant
    fluency: Choice
    bias: Choice

    def answer(self, question: Question) -> Choice:
        """The choice for one of the two questions."""
        return self.fluency if question == "fluency" else self.bias
