"""The words around one "her", as the rules ask for them."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import stands
from counterpoise.counterfactual.tokens import Document

OBJECT, DETERMINER = "object", "determiner"
Verdict = tuple[str | None, str]
"""The slot, ``None`` where it stays open, and why."""


@dataclass(frozen=True, slots=True)
class Her:
    """The neighbourhood of one "her".

    Attributes:
        before: the word before it, ``""`` at the start of a clause.
        after: the word after it.
    """

    document: Document
    index: int
    before: str
    after: str

    @property
    def next(self) -> int:
        """Index of the word after it."""
        return self.index + 1

    @property
    def following(self) -> str:
        """The second word after it, when only space separates them."""
        return self.document.next_word(self.next)

    @property
    def after_stands(self) -> bool:
        """Whether the word after it ends the phrase."""
        return stands(self.document, self.next)

    @property
    def in_clause(self) -> bool:
        """Whether a verb may govern it: not first in its clause, not after a preposition."""
        return bool(self.before) and self.before not in words("preposition")
