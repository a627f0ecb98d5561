"""What a visitor asks for and what comes back: sampling within bounds, and answers with the scores of their text."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.errors import UsageError
from counterpoise.records import Variant

MAX_CHARACTERS = 500
"""Longest prompt or sentence."""
TOKENS = (8, 96)
TEMPERATURE = (0.1, 2.0)
MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are chosen, within the bounds of the page."""

    tokens: int = 40
    temperature: float = 1.0
    greedy: bool = True
    seed: int = 0

    def check(self) -> None:
        """Raises a UsageError when a value is out of bounds."""
        bounds = {
            "longest answer": (self.tokens, TOKENS),
            "temperature": (self.temperature, TEMPERATURE),
            "seed": (self.seed, (0, MAX_SEED)),
        }
        for name, (value, (low, high)) in bounds.items():
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}", f"choose {low} to {high}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it is shown, and the scores of exactly that text.

    Attributes:
        prompt, text: what was asked, and the continuation alone.
        tokens: length of the continuation.
        toxicity: classifier → probability for :attr:`shown`; empty while the answer still grows.
    """

    variant: Variant
    prompt: str
    text: str
    tokens: int
    toxicity: dict[str, float]

    @property
    def shown(self) -> str:
        """The whole text on the page: what is scored."""
        return self.prompt + self.text


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers in the order base, tuned (then base, tuned to the swapped prompt), as far as they are.

    Attributes:
        done: nothing will be added. ``stopped``: because the visitor said so.
        waited_s: from the request to its turn, seconds.
        first_words_s: from its turn to the first words of any answer, seconds; None before them.
        seconds: from its turn until now, or until it was done.
    """

    answers: tuple[Answer, ...]
    done: bool
    stopped: bool
    waited_s: float
    first_words_s: float | None
    seconds: float

    def timing(self) -> str:
        """One line for the terminal and the page."""
        tokens = [answer.tokens for answer in self.answers]
        speed = sum(tokens) / self.seconds if self.seconds else 0.0
        waited = f"waited {self.waited_s:.1f} s, " if self.waited_s >= 0.1 else ""
        first = f"first words after {self.first_words_s:.2f} s, " if self.first_words_s is not None else ""
        return (
            f"{len(tokens)} answers of {', '.join(map(str, tokens))} tokens: {waited}{first}"
            f"all after {self.seconds:.1f} s ({speed:.0f} tokens/s)"
        )


def checked(text: str | None) -> str:
    """A text that may be worked on, stripped.

    Raises:
        UsageError: it is empty or too long.
    """
    text = (text or "").strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise UsageError(f"the text has {len(text)} characters", f"write 1 to {MAX_CHARACTERS} characters")
    return text
