"""The engine: one pass finds every term, the context settles or refuses it, all edits are applied at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.edits import Draft, apply, refusal, replace
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.counterfactual.language import foreign_reason, unreadable_reason
from counterpoise.counterfactual.lexicon import Lexicon, Reading, load
from counterpoise.counterfactual.matcher import Index, Match
from counterpoise.counterfactual.records import AXES, Direction, Refusal, Swap
from counterpoise.counterfactual.resolve.compounds import compound_reason
from counterpoise.counterfactual.resolve.guards import GUARDS
from counterpoise.counterfactual.tokens import Document
from counterpoise.errors import UsageError

BLOCKING = frozenset({"ambiguous", "confidence"})
"""Refusals that leave their whole axis untouched when ``whole`` is set: half a swap is worse than none."""


@dataclass(slots=True)
class _Mention:
    """A term whose context allows a swap, with its readings on one axis."""

    match: Match
    readings: list[Reading]


@dataclass(slots=True)
class _Found:
    """What one axis has in one text."""

    mentions: list[_Mention] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)


class Engine:
    """Swaps identity terms. Build it once; it keeps no state between texts."""

    def __init__(self, lexicon: Lexicon, config: CounterfactualConfig) -> None:
        self.lexicon = lexicon
        self.config = config
        self._indexes: dict[tuple[str, ...], Index] = {}

    @classmethod
    def from_config(cls, config: CounterfactualConfig | None = None) -> Engine:
        """An engine with the built-in lexicon and, if the config names one, a user's file.

        Raises:
            DataError: the user's lexicon is not valid.
            UsageError: the config names an axis that the lexicon does not have.
        """
        config = config or CounterfactualConfig()
        lexicon = load(config.lexicon)
        for axis in config.axes:
            lexicon.axis(axis)
        return cls(lexicon, config)

    @property
    def fingerprint(self) -> str:
        """sha256 of the lexicon and the word lists: part of a cache key."""
        return lexicon_hash(self.config)

    def directions(self, axis: str) -> tuple[Direction, ...]:
        """Every directed pair of groups that the lexicon lists on ``axis``, both ways."""
        pairs = self.lexicon.axis(axis).pairs
        return tuple(direction for a, b in pairs for direction in ((a, b), (b, a)))

    def swaps(self, text: str, axis: str) -> tuple[Swap, ...]:
        """Every directed swap of ``axis`` that changes ``text``, in the lexicon's order, equal results once."""
        found: dict[str, Swap] = {}
        for direction in self.directions(axis):
            swap = self.swap(text, (axis,), direction)
            if swap.changed:
                found.setdefault(swap.swapped, swap)
        return tuple(found.values())

    def swap(
        self, text: str, axes: Sequence[str] = ("gender",), direction: Direction | None = None
    ) -> Swap:
        """The counterfactual of ``text``: the groups of a direction change places.

        Args:
            axes: identity axes, in any order.
            direction: the source group, which the text must mention, and the group it changes places with, on
                the axes that have both. By default: the first group mentioned and its usual partner.

        Raises:
            UsageError: an axis or group does not exist.
        """
        names = self._ordered(axes)
        chosen = self._chosen(names, direction)
        reason = unreadable_reason(text)
        if reason is not None:
            return Swap(text, text, refusals=(Refusal(0, len(text), "", reason),))
        index = self._index(names)
        if index.misses(text):
            return Swap(text, text)
        document = Document(text)
        found = self._find(document, index, names)
        drafts, refusals, used = [], [], {}
        for axis, here in found.items():
            direction_here = self._direction(axis, here.mentions, chosen)
            kept, refused = self._edits(document, here, direction_here)
            drafts += kept
            refusals += refused
            if kept and direction_here:
                used[axis] = direction_here
        foreign = foreign_reason(document) if drafts else None
        if foreign is not None:
            return Swap(text, text, refusals=(Refusal(0, len(text), "", foreign),))
        return apply(document, drafts, refusals, used)

    def _ordered(self, axes: Sequence[str]) -> tuple[str, ...]:
        axes = (axes,) if isinstance(axes, str) else axes
        for axis in axes:
            self.lexicon.axis(axis)
        return tuple(name for name in dict.fromkeys((*AXES, *self.lexicon.axes)) if name in axes)

    def _chosen(self, axes: Iterable[str], direction: Direction | None) -> dict[str, Direction] | None:
        if direction is None:
            return None
        groups = {axis: self.lexicon.axes[axis].groups for axis in axes}
        fitting = {
            axis: direction
            for axis, known in groups.items()
            if direction[0] != direction[1] and set(direction) <= set(known)
        }
        if not fitting:
            known = "; ".join(f"{axis}: {', '.join(names)}" for axis, names in groups.items())
            raise UsageError(
                f"no axis has the two groups {direction[0]!r} and {direction[1]!r}", f"groups — {known}"
            )
        return fitting

    def _index(self, axes: tuple[str, ...]) -> Index:
        if axes not in self._indexes:
            self._indexes[axes] = Index([self.lexicon.axes[axis] for axis in axes], self.config.names)
        return self._indexes[axes]

    def _find(self, document: Document, index: Index, axes: tuple[str, ...]) -> dict[str, _Found]:
        found = {axis: _Found() for axis in axes}
        for match in index.find(document):
            fact = False
            for phrase in match.entry.phrases:
                here = found[phrase.axis]
                if phrase.fact:
                    here.facts.append(f"{phrase.reason} ({phrase.text})")
                    fact = True
                elif not match.entry.readings:
                    here.refusals.append(refusal(document, match, phrase.reason))
            if not fact and match.entry.readings:
                _sort_in(document, match, axes, found)
        return found

    def _direction(
        self, axis: str, mentions: list[_Mention], chosen: dict[str, Direction] | None
    ) -> Direction | None:
        if chosen is not None:
            direction = chosen.get(axis)
            groups = {reading.group for mention in mentions for reading in mention.readings}
            return direction if direction and direction[0] in groups else None
        default = self.lexicon.axes[axis].default
        for mention in mentions:
            groups = {reading.group for reading in mention.readings if not reading.concept.weak}
            if len(groups) == 1 and (group := groups.pop()) in default:
                return group, default[group]
        return None

    def _edits(
        self, document: Document, here: _Found, direction: Direction | None
    ) -> tuple[list[Draft], list[Refusal]]:
        drafts, refusals = [], list(here.refusals)
        for mention in here.mentions if direction else ():
            readings = [reading for reading in mention.readings if reading.group in direction]
            result = replace(document, mention.match, readings, direction) if readings else None
            if isinstance(result, Draft):
                sure = result.edit.confidence >= self.config.min_confidence
                edit = result.edit
                if sure:
                    drafts.append(result)
                else:
                    reason = f"confidence: {edit.confidence} is below {self.config.min_confidence}"
                    refusals.append(Refusal(edit.start, edit.end, edit.original, reason))
            elif result is not None:
                refusals.append(result)
        stop = self._stop(here.facts, refusals)
        if drafts and stop is not None:
            edits = [draft.edit for draft in drafts]
            return [], refusals + [Refusal(edit.start, edit.end, edit.original, stop) for edit in edits]
        return drafts, refusals

    def _stop(self, facts: list[str], refusals: list[Refusal]) -> str | None:
        """Why the axis must be left alone in this text, if it must."""
        if facts:
            return facts[0]
        unsure = next((item for item in refusals if item.code in BLOCKING), None)
        return f"whole: {unsure.term!r} in the same text is {unsure.code}" if self.config.whole and unsure else None


def _sort_in(document: Document, match: Match, axes: tuple[str, ...], found: dict[str, _Found]) -> None:
    """Puts a match under the first axis whose guards let one of its readings through."""
    compound = compound_reason(document, match.first, match.last)
    for axis in axes:
        readings = [reading for reading in match.entry.readings if reading.axis == axis]
        if not readings:
            continue
        allowed, reason = _guarded(document, match, readings)
        if allowed and compound is None:
            found[axis].mentions.append(_Mention(match, allowed))
            return
        found[axis].refusals.append(refusal(document, match, compound or reason))


def _guarded(document: Document, match: Match, readings: list[Reading]) -> tuple[list[Reading], str]:
    """The readings whose guard lets them through, and why the others were stopped."""
    verdicts: dict[tuple[str, str], str | None] = {}
    allowed = []
    for reading in readings:
        key = (reading.concept.guard, reading.slot)
        if key not in verdicts:
            verdicts[key] = GUARDS[key[0]](document, match.first, match.last, key[1])
        if verdicts[key] is None:
            allowed.append(reading)
    return allowed, next((reason for reason in verdicts.values() if reason), "")
