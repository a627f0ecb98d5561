"""Which form of a concept an ambiguous term is, by the slots it may fill."""

from __future__ import annotations

from counterpoise.counterfactual.resolve import demonyms
from counterpoise.counterfactual.resolve.her import her
from counterpoise.counterfactual.resolve.pronouns import his
from counterpoise.counterfactual.tokens import Document

DECIDABLE = (
    frozenset({"object", "determiner"}),
    frozenset({"determiner", "pronoun"}),
    frozenset({"adjective", "singular"}),
    frozenset({"adjective", "plural"}),
    frozenset({"singular", "plural"}),
    frozenset({"adjective", "singular", "plural"}),
)
"""The sets of slots that :func:`decide` can tell apart."""


def decide(document: Document, first: int, last: int, slots: frozenset[str]) -> tuple[str | None, str]:
    """The slot that the term at words ``first`` to ``last`` fills, or ``None``; and why."""
    if slots in DECIDABLE[:2]:
        slot, why = (her if slots == DECIDABLE[0] else his)(document, first)
        other = (
            document.parser.use(document.text, document.starts[first]) if document.parser and slot else None
        )
        return (slot, why) if other in {None, slot} else (None, f"the rules say {slot}, the parser {other}")
    return demonyms.use(document, first, last, slots)
