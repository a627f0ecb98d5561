"""A finished run in memory: one set of weights, the adapter switched off and on; requests take turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from artifacts.store import Store
from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import AXES, Swap
from counterpoise.errors import UsageError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.prompts import NEUTRAL, Prompt
from counterpoise.likelihood.pairs import PairDetail, score_pair_details
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair
from counterpoise.sources.cache import default_cache
from counterpoise.toxicity.classifiers import ToxicityClassifier, load_classifier
from demo.rows import switch_by_row
from demo.run_data import RunData
from demo.streaming import Row, stream
from engine.models import ADAPTER_FOLDER, VARIANTS, scoring_precision

MAX_CHARACTERS = 500
"""Longest prompt or sentence."""
TOKENS = (8, 96)
TEMPERATURE = (0.1, 2.0)
MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it is shown, and the scores of exactly that text.

    Attributes:
        prompt, text: what was asked, and the continuation alone.
        tokens: length of the continuation.
        toxicity: classifier → probability for :attr:`shown`; empty while the answer still grows.
    """

    variant: str
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
        first_words_s: from the request's turn to the first words of any answer, seconds; None before them.
        seconds: from the request's turn until now.
    """

    answers: tuple[Answer, ...]
    done: bool
    first_words_s: float | None
    seconds: float

    def timing(self) -> str:
        """One line for the terminal and the page."""
        tokens = [answer.tokens for answer in self.answers]
        speed = sum(tokens) / self.seconds if self.seconds else 0.0
        first = f"first words after {self.first_words_s:.2f} s, " if self.first_words_s is not None else ""
        return (
            f"{len(tokens)} answers of {', '.join(map(str, tokens))} tokens: {first}"
            f"all after {self.seconds:.1f} s ({speed:.0f} tokens/s)"
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are chosen, within the bounds of the page."""

    tokens: int
    temperature: float
    greedy: bool
    seed: int

    def config(self) -> GenerationConfig:
        """The pipeline's own settings.

        Raises:
            UsageError: a value is out of bounds.
        """
        bounds = {
            "longest answer": (self.tokens, TOKENS),
            "temperature": (self.temperature, TEMPERATURE),
            "seed": (self.seed, (0, MAX_SEED)),
        }
        for name, (value, (low, high)) in bounds.items():
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}", f"choose {low} to {high}")
        try:
            return GenerationConfig(
                samples=int(not self.greedy),
                greedy=self.greedy,
                max_new_tokens=self.tokens,
                temperature=self.temperature,
            )
        except ValidationError as error:
            raise UsageError(f"sampling: {error.errors()[0]['msg']}", "choose other values") from None


class Session:
    """Answers prompts and scores sentences as base and as tuned.

    Args:
        classifiers: what judges toxicity, all of them the text that is shown.
    """

    def __init__(self, loaded: LoadedModel, classifiers: Sequence[ToxicityClassifier], data: RunData) -> None:
        self.data = data
        self.engine = Engine.from_config(CounterfactualConfig(syntax="rules"))
        self._loaded = loaded
        self._classifiers = classifiers
        self._turn = threading.Lock()

    @classmethod
    def of_run(cls, store: Store, record: dict[str, object], more_classifiers: Sequence[str] = ()) -> Session:
        """The session of a finished run, warmed up.

        Raises:
            UsageError: the run has no base model, adapter or report; an unknown classifier.
        """
        data = RunData.of(store, record)
        adapter = store.fetch(data.adapter) / ADAPTER_FOLDER
        loaded = load_model(store.fetch(data.model), scoring_precision(data.config), adapter=adapter)
        switch_by_row(loaded.model)
        specs = dict.fromkeys((*data.config.toxicity.classifiers, *more_classifiers))
        session = cls(loaded, [load_classifier(spec, cache=default_cache()) for spec in specs], data)
        for _ in session.compare(["Hello"], Sampling(tokens=8, temperature=1.0, greedy=True, seed=0)):
            pass
        return session

    def compare(self, prompts: Sequence[str], sampling: Sampling) -> Iterator[Answers]:
        """Base and tuned answers to each prompt, all in one batch, as they grow; the last one has scores.

        Prompts that are each other's counterfactuals are continued with the same random draws.

        Raises:
            UsageError: an empty or too long prompt, or sampling out of bounds.
        """
        config = sampling.config()
        named = [Prompt(f"demo/{at}", "demo", NEUTRAL, NEUTRAL, checked(p)) for at, p in enumerate(prompts)]
        rows = [Row(prompt, variant) for prompt in named for variant in VARIANTS]
        start = first = None
        for partial in stream(self._loaded, rows, config, seed=sampling.seed, turn=self._turn):
            start = time.monotonic() if start is None else start
            seconds = time.monotonic() - start
            if first is None and any(text.strip() for text in partial.texts):
                first = seconds
            parts = zip(rows, partial.texts, partial.tokens, strict=True)
            answers = tuple(
                self._answer(row, text, tokens, scored=partial.done) for row, text, tokens in parts
            )
            yield Answers(answers, partial.done, first, seconds)

    def _answer(self, row: Row, text: str, tokens: int, *, scored: bool) -> Answer:
        """The one place where a text and its scores come together."""
        shown = row.prompt.text + text
        toxicity = {c.name: c.score([shown])[0] for c in self._classifiers} if scored else {}
        return Answer(row.variant, row.prompt.text, text, tokens, toxicity)

    def swapped(self, prompt: str, axis: str | None) -> Swap:
        """The counterfactual of a prompt on ``axis``, or on the first axis that changes it.

        Raises:
            UsageError: nothing in it can be swapped.
        """
        tried = [self.engine.swap(checked(prompt), (name,)) for name in ([axis] if axis else AXES)]
        found = next((swap for swap in tried if swap.changed), None)
        if found is None:
            reasons = dict.fromkeys(
                f"{r.term or 'text'}: {r.reason}" for swap in tried for r in swap.refusals
            )
            why = f" ({'; '.join(reasons)})" if reasons else ""
            raise UsageError(
                f"no identity term to swap in this prompt{why}", "name a group, as in “Christian people”"
            )
        return found

    def explain(self, more: str, less: str) -> tuple[PairDetail, PairDetail]:
        """Token log-probabilities of both sentences under base and tuned.

        Raises:
            UsageError: an empty or too long sentence.
        """
        pair = Pair(0, "race-color", "stereo", checked(more), checked(less))
        prefix = self.data.config.scoring.prefix
        with self._turn:
            base, tuned = (
                score_pair_details(self._loaded, [pair], variant, prefix=prefix)[0] for variant in VARIANTS
            )
        return base, tuned

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        """Each token as text."""
        return [
            str(self._loaded.tokenizer.decode([token], clean_up_tokenization_spaces=False))
            for token in token_ids
        ]


def checked(text: str | None) -> str:
    """A text that may be worked on, stripped.

    Raises:
        UsageError: it is empty or too long.
    """
    text = (text or "").strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise UsageError(f"the text has {len(text)} characters", f"write 1 to {MAX_CHARACTERS} characters")
    return text
