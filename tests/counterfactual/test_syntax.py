"""spaCy as a second opinion: it may veto and protect, never decide."""

from __future__ import annotations

import pytest

from counterpoise.counterfactual import CounterfactualConfig, Engine
from counterpoise.counterfactual.fingerprint import lexicon_hash


class Opinion:
    """Says what it is told to say."""

    def __init__(self, use: str | None = None, entity: str | None = None) -> None:
        self._use, self._entity = use, entity

    def use(self, text: str, start: int) -> str | None:
        return self._use

    def entity(self, text: str, start: int, end: int) -> str | None:
        return self._entity


def engine(opinion: Opinion) -> Engine:
    plain = Engine.from_config()
    return Engine(plain.lexicon, plain.config, opinion)


def test_agreement_and_silence_change_nothing() -> None:
    for use in ("determiner", None):
        assert engine(Opinion(use)).swap("Her dog sleeps.").swapped == "His dog sleeps."


def test_disagreement_is_a_refusal() -> None:
    (refusal,) = engine(Opinion("object")).swap("Her dog sleeps.").refusals
    assert refusal.reason == "ambiguous: the rules say determiner, the parser object"


def test_the_parser_never_decides_what_the_rules_leave_open() -> None:
    assert not engine(Opinion("determiner")).swap("They gave her time.").changed


def test_entities_are_protected() -> None:
    (refusal,) = engine(Opinion(entity="a work, 'Queen of Spades'")).swap("I saw the queen.").refusals
    assert refusal.reason == "entity: part of a work, 'Queen of Spades'"


@pytest.mark.slow
@pytest.mark.network
def test_the_real_pipeline() -> None:
    config = CounterfactualConfig(syntax="spacy")
    found = Engine.from_config(config)
    assert (
        found.swap("She checked her watch and thanked him.").swapped
        == "He checked his watch and thanked her."
    )
    assert not found.swap("They gave her time.").changed
    assert lexicon_hash(config) != lexicon_hash(CounterfactualConfig())
