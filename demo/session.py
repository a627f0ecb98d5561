"""A finished run in memory: one set of weights, the adapter switched off and on; requests take turns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from counterpoise.artifacts.store import Store
from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import AXES, Edit, Swap
from counterpoise.demo.answers import Answer, Answers, Sampling, checked
from counterpoise.demo.line import Line, Place, Ticket
from counterpoise.demo.rows import switch_by_row
from counterpoise.demo.run_data import RunData
from counterpoise.demo.streaming import Row, check_rows, decode
from counterpoise.engine.models import ADAPTER_FOLDER, VARIANTS, scoring_precision
from counterpoise.errors import UsageError
from counterpoise.generation.prompts import NEUTRAL, Prompt
from counterpoise.likelihood.pairs import PairDetail, score_pair_details
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair
from counterpoise.sources.cache import default_cache
from counterpoise.toxicity.classifiers import ToxicityClassifier, load_classifier


class Session:
    """Answers prompts and scores sentences as base and as tuned.

    Args:
        classifiers: what judges toxicity, all of them the text that is shown.

    Attributes:
        line: who waits for the model.
    """

    def __init__(self, loaded: LoadedModel, classifiers: Sequence[ToxicityClassifier], data: RunData) -> None:
        self.data = data
        self.engine = Engine.from_config(CounterfactualConfig(syntax="rules"))
        self.line = Line(partial(decode, loaded))
        self._loaded = loaded
        self._classifiers = classifiers

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
        first = session.ask(["Hello"], Sampling(tokens=8))
        first.ended.wait()
        session.answers(first)
        return session

    def ask(self, prompts: Sequence[str], sampling: Sampling) -> Ticket:
        """Puts base and tuned answers to each prompt in line; :meth:`answers` says how far they are.

        Prompts of one request are continued with the same random draws.

        Raises:
            UsageError: an empty or too long prompt, sampling out of bounds, or a full line.
        """
        sampling.check()
        draws = f"demo/seed {sampling.seed}"
        named = [
            Prompt(f"demo/{at}", draws, NEUTRAL, NEUTRAL, checked(text)) for at, text in enumerate(prompts)
        ]
        rows = [
            Row(prompt, variant, sampling.tokens, sampling.greedy) for prompt in named for variant in VARIANTS
        ]
        check_rows(self._loaded, rows)
        ticket = Ticket(rows, None if sampling.greedy else sampling.temperature)
        self.line.join(ticket)
        return ticket

    def place(self, ticket: Ticket) -> Place | None:
        """Where a request waits; None when its turn has come."""
        return self.line.place(ticket)

    def answers(self, ticket: Ticket) -> Answers:
        """The answers as far as they are; they have scores when nothing more comes.

        Raises:
            BaseException: whatever ended the request.
        """
        done = ticket.ended.is_set()
        if ticket.error is not None:
            raise ticket.error
        now = ticket.over or time.monotonic()
        began = ticket.began or now
        return Answers(
            tuple(self._answer(row, scored=done) for row in ticket.rows),
            done,
            ticket.stopped,
            began - ticket.asked,
            ticket.first_words - began if ticket.first_words else None,
            now - began,
        )

    def _answer(self, row: Row, *, scored: bool) -> Answer:
        """The one place where a text and its scores come together."""
        text = row.text
        shown = row.prompt.text + text
        toxicity = {c.name: c.score([shown])[0] for c in self._classifiers} if scored else {}
        return Answer(row.variant, row.prompt.text, text, len(row.tokens), toxicity)

    def swaps(self, text: str) -> list[Swap]:
        """Every counterfactual of a text on one axis: the identity that stands first comes first.

        Of one identity the usual partner comes first, then the others in the lexicon's order.
        """
        found: dict[str, Swap] = {}
        for axis in AXES:
            for swap in (self.engine.swap(text, (axis,)), *self.engine.swaps(text, axis)):
                if swap.changed:
                    found.setdefault(swap.swapped, swap)
        return sorted(found.values(), key=_first)

    def swapped(self, prompt: str, choice: str = "") -> Swap:
        """The counterfactual that :func:`title_of` calls ``choice``, or else the first one.

        Raises:
            UsageError: nothing in it can be swapped.
        """
        text = checked(prompt)
        found = self.swaps(text)
        if not found:
            raise UsageError(
                f"no identity term to swap in this prompt{self._refusals(text)}",
                "name a group, as in “Christian people”",
            )
        return next((swap for swap in found if title_of(swap) == choice), found[0])

    def _refusals(self, text: str) -> str:
        reasons = dict.fromkeys(
            f"{refusal.term or 'text'}: {refusal.reason}"
            for axis in AXES
            for refusal in self.engine.swap(text, (axis,)).refusals
        )
        return f" ({'; '.join(reasons)})" if reasons else ""

    def explain(self, more: str, less: str) -> Future[tuple[PairDetail, PairDetail]]:
        """Token log-probabilities of both sentences under base and tuned, when their turn comes.

        Raises:
            UsageError: an empty or too long sentence, or a full line.
        """
        pair = Pair(0, "race-color", "stereo", checked(more), checked(less))
        prefix = self.data.config.scoring.prefix

        def score() -> tuple[PairDetail, PairDetail]:
            base, tuned = (
                score_pair_details(self._loaded, [pair], variant, prefix=prefix)[0] for variant in VARIANTS
            )
            return base, tuned

        return self.line.call(score)

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        """Each token as text."""
        return [
            str(self._loaded.tokenizer.decode([token], clean_up_tokenization_spaces=False))
            for token in token_ids
        ]


def title_of(swap: Swap) -> str:
    """A counterfactual in a few words: its identities in the order of the text, as ``black → white``."""
    return ", ".join(f"{edit.original} → {edit.replacement}" for edit in _named(swap))


def _named(swap: Swap) -> list[Edit]:
    """The edits that name an identity: “a” for “an” only follows them."""
    return [edit for edit in swap.edits if edit.rule != "agreement"]


def _first(swap: Swap) -> int:
    return min(edit.start for edit in _named(swap))
