"""What a swap reports: every edit and every refusal, with its span in the original text."""

from __future__ import annotations

from dataclasses import dataclass, field

AXES = (
    "gender",
    "race-color",
    "religion",
    "nationality",
    "age",
    "disability",
    "sexual-orientation",
    "physical-appearance",
    "socioeconomic",
)
"""The axes of CrowS-Pairs (Nangia et al. 2020), in the order that settles ties between axes."""

Direction = tuple[str, str]
"""A source group and the group it changes places with, as ``("muslim", "christian")``."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replaced span.

    Attributes:
        start, end: the span in the original text, in characters.
        original, replacement: the text before and after.
        rule: the lexicon rule that made it, as ``kin``; ``agreement`` for a/an.
        axis: the identity axis.
        confidence: how sure the engine is that the edit is right, 0 to 1 (a judgement stated in the
            lexicon, not a calibrated probability).
    """

    start: int
    end: int
    original: str
    replacement: str
    rule: str
    axis: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """One span that was left alone.

    Attributes:
        start, end: the span in the original text, in characters.
        term: the text of the span.
        reason: ``code: explanation``; the codes are listed in ``docs/counterfactuals.md``.
    """

    start: int
    end: int
    term: str
    reason: str

    @property
    def code(self) -> str:
        """The part of the reason before the colon."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Swap:
    """A text and its counterfactual.

    Attributes:
        text: the original.
        swapped: the original with every edit applied at once; all other characters are untouched.
        edits, refusals: in the order of the text.
        directions: the directed pair of groups used on each axis that was edited.
        reversible: whether every edit has an inverse: no one-way term, lost capital or newly ambiguous word
            is among them. :meth:`Engine.undo` makes the opposite swap.
    """

    text: str
    swapped: str
    edits: tuple[Edit, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    directions: dict[str, Direction] = field(default_factory=dict)
    reversible: bool = True

    @property
    def changed(self) -> bool:
        """Whether any edit was made."""
        return bool(self.edits)

    @property
    def confidence(self) -> float:
        """The least confidence among the edits; 0 when nothing changed."""
        return min((edit.confidence for edit in self.edits), default=0.0)
