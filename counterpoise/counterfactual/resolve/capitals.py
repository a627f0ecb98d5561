"""A common word with a capital inside a sentence belongs to a title or a name: "Slumdog Millionaire", "Kid Cudi"."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.tokens import Document

_WHERE = frozenset({"in", "from", "of", "to", "near"})
_USED_AS_NAMES = frozenset({"pronouns", "kin", "titles", "address", "roles"})
"""Rules whose words are written with a capital when they stand for a name: "Dad said", "Queen Anne"."""


def title_reason(document: Document, match: Match, readings: Sequence[Reading]) -> str | None:
    """Why the capital of a common word makes it part of a title; ``None`` if it does not."""
    reading = readings[0]
    if _in_queens(document, match):
        return "entity: a place"
    if reading.kind == "common" and reading.concept.rule == "kin" and _family_firm(document, match, reading):
        return "entity: a capital inside a sentence, part of a title or name"
    if reading.kind != "common" or reading.concept.rule in _USED_AS_NAMES:
        return None
    raw = document.raw(match.last)
    if not raw[:1].isupper() or raw.isupper() or document.opens_sentence(match.first):
        return None
    return None if _headline(document) else "entity: a capital inside a sentence, part of a title or name"


def _in_queens(document: Document, match: Match) -> bool:
    """ "in Queens" is in New York."""
    return document.raw(match.first) == "Queens" and document.previous_word(match.first) in _WHERE


def _family_firm(document: Document, match: Match, reading: Reading) -> bool:
    """ "Marx Brothers", "Lane Sisters"."""
    first = match.first
    if reading.slot != "plural" or not document.previous_word(first) or document.text.isupper():
        return False
    named = document.raw(first - 1)[:1].isupper() and document.lower[first - 1] not in words("function")
    return named and document.raw(first)[:1].isupper() and not _headline(document)


def _headline(document: Document) -> bool:
    """Whether nearly all words but the small ones have capitals anyway."""
    starts = [
        start
        for start, word in zip(document.starts, document.lower, strict=True)
        if word not in words("function") and len(word) > 1
    ]
    return len(starts) > 2 and sum(document.text[start].isupper() for start in starts) > 0.9 * len(starts)
