"""A common word with a capital inside a sentence belongs to a title or a name: "Slumdog Millionaire", "Kid Cudi"."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.tokens import Document

_USED_AS_NAMES = frozenset({"pronouns", "kin", "titles", "address", "roles"})
"""Rules whose words are written with a capital when they stand for a name: "Dad said", "Queen Anne"."""


def title_reason(document: Document, match: Match, readings: Sequence[Reading]) -> str | None:
    """Why the capital of a common word makes it part of a title; ``None`` if it does not."""
    reading = readings[0]
    if reading.kind != "common" or reading.concept.rule in _USED_AS_NAMES:
        return None
    raw = document.raw(match.last)
    if not raw[:1].isupper() or raw.isupper() or document.opens_sentence(match.first):
        return None
    return None if _headline(document) else "entity: a capital inside a sentence, part of a title or name"


def _headline(document: Document) -> bool:
    """Whether most words have capitals anyway."""
    capitals = sum(document.text[start].isupper() for start in document.starts)
    return capitals > 0.6 * len(document)
