"""What the lexicon knows: axes, groups, concepts with aligned forms, and the readings of each term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from counterpoise.counterfactual.casing import Kind
from counterpoise.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Concept:
    """One row: the same idea in every group that has a word for it.

    Attributes:
        axis, rule: where it stands in the lexicon.
        slots: names of the forms.
        forms: group → one form a slot, ``None`` where the language has none.
        guard: the context a term must be in, as ``people``; empty for none.
        confidence: of an edit made by this row, 0 to 1.
        weak: whether the term alone does not show that the text is about its group.
        free: groups whose word is written with and without a capital.
        silent: (group, slot) whose form is produced but never matched (``~`` in the file).
    """

    axis: str
    rule: str
    slots: tuple[str, ...]
    forms: Mapping[str, tuple[str | None, ...]]
    guard: str
    confidence: float
    weak: bool
    free: frozenset[str]
    silent: frozenset[tuple[str, str]]

    def form(self, group: str, slot: str) -> str | None:
        """The form of ``group`` in ``slot``; ``None`` when there is none."""
        forms = self.forms.get(group)
        return forms[self.slots.index(slot)] if forms else None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One thing a term can mean: a concept's form for a group.

    Attributes:
        alias: a one-way term, replaced but never produced.
        kind: how the term is normally written.
    """

    concept: Concept
    group: str
    slot: str
    form: str
    alias: bool
    kind: Kind

    @property
    def axis(self) -> str:
        """The identity axis."""
        return self.concept.axis


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that block: a protected phrase or a fact.

    Attributes:
        axis: the axis it blocks, empty for every one; text: the phrase; reason: why.
        fact: whether it blocks every edit of the axis (else only the terms it covers).
        exact: whether its capitals must be there.
        group: for facts, the only group whose swaps it blocks; empty for every group.
    """

    axis: str
    text: str
    reason: str
    fact: bool = False
    exact: bool = False
    group: str = ""


@dataclass(slots=True)
class Axis:
    """Everything the lexicon says on one axis.

    Attributes:
        asked: groups that are produced only on request: not among the swaps that are listed for other groups.
    """

    name: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    default: dict[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    concepts: list[Concept] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that a pair names, in order of appearance."""
        return tuple(dict.fromkeys(group for pair in self.pairs for group in pair))


@dataclass(slots=True)
class Lexicon:
    """Every axis, by name."""

    axes: dict[str, Axis] = field(default_factory=dict)

    def axis(self, name: str) -> Axis:
        """The named axis.

        Raises:
            UsageError: there is no such axis.
        """
        if name not in self.axes:
            raise UsageError(f"unknown axis {name!r}", f"choose from {', '.join(self.axes)}")
        return self.axes[name]
