"""What one text has to swap, before any direction is chosen: terms whose context allows it, refusals, facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from counterpoise.counterfactual.edits import refusal
from counterpoise.counterfactual.lexicon import Phrase, Reading
from counterpoise.counterfactual.matcher import Index, Match
from counterpoise.counterfactual.records import Direction, Refusal
from counterpoise.counterfactual.resolve.antecedents import unlisted_bearer
from counterpoise.counterfactual.resolve.capitals import title_reason
from counterpoise.counterfactual.resolve.compounds import compound_reason
from counterpoise.counterfactual.resolve.fullnames import full_name_reason, unknown_name
from counterpoise.counterfactual.resolve.guards import GUARDS
from counterpoise.counterfactual.resolve.reports import definition_reason, report_reason
from counterpoise.counterfactual.resolve.whole import stop_reason
from counterpoise.counterfactual.tokens import Document

_DOUBTFUL = frozenset({"unsure", "place", "language", "kin"})
"""Refusals of a word that still belongs to its group: a country or language, an unknown noun, someone's own child."""


class Mention(NamedTuple):
    """A term whose context allows a swap, with its readings on one axis."""

    match: Match
    readings: list[Reading]


@dataclass(frozen=True, slots=True)
class Block:
    """A reason to leave the axis alone in this text.

    Attributes:
        reason: why.
        groups: it holds when one of these is mentioned and swapped; empty for any swap.
    """

    reason: str
    groups: frozenset[str] = frozenset()


@dataclass(slots=True)
class Found:
    """What one axis has in one text.

    Attributes:
        mentions: terms that may be swapped.
        refusals: terms that may not, whatever the direction.
        facts: why a swap on this axis would be false, if it would.
        doubts: refused terms that a swap of the same group would leave behind.
    """

    mentions: list[Mention] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    facts: list[Block] = field(default_factory=list)
    doubts: list[Block] = field(default_factory=list)

    def groups(self) -> set[str]:
        """Every group that some mention may belong to."""
        return {reading.group for mention in self.mentions for reading in mention.readings}

    def leans_on(self, direction: Direction) -> bool:
        """Whether the text holds words of the group it is swapped to: the way back would meet them."""
        return any(block.groups.intersection(direction) for block in (*self.facts, *self.doubts))

    def first_group(self) -> str | None:
        """The first group that is mentioned beyond doubt."""
        for mention in self.mentions:
            groups = {reading.group for reading in mention.readings if not reading.concept.weak}
            if len(groups) == 1:
                return groups.pop()
        return None


def analyse(document: Document, index: Index, axes: tuple[str, ...]) -> dict[str, Found]:
    """Axis → what the document has on it. A term belongs to the first axis whose context allows it."""
    found = {axis: Found() for axis in axes}
    for match in index.find(document):
        if match.entry.phrases and _phrase(document, match, found):
            continue
        if match.entry.readings:
            _sort_in(document, match, found)
    for axis, here in found.items():
        settled = not here.mentions or any(not block.groups for block in here.facts)
        reason = None if settled else _text_reason(document, index, axis, here)
        if reason is not None:
            here.facts.append(Block(reason))
    return found


def _text_reason(document: Document, index: Index, axis: str, here: Found) -> str | None:
    """Why the axis is left alone whatever the direction."""
    named = full_name_reason(document, here.refusals) if index.keeps_full_names else None
    reason = named or stop_reason(document, axis, here.mentions)
    reason = reason or report_reason(document, axis, here.mentions)
    if reason is not None or not index.keeps_full_names:
        return reason
    reason = definition_reason(document, axis, here.mentions, here.refusals)
    if reason is None and axis == "gender":
        people = [mention.match.first for mention in here.mentions]
        reason = unknown_name(document, people) or unlisted_bearer(document, people)
    return reason


def _phrase(document: Document, match: Match, found: dict[str, Found]) -> bool:
    """Notes a protected phrase or a fact; whether the match is settled by it."""
    settled = False
    for phrase in match.entry.phrases:
        if phrase.exact and not match.spells(document, phrase.text):
            continue
        if phrase.fact:
            _fact(document, match, phrase, found)
            if phrase.group and match.entry.readings:
                continue
        elif not settled:
            found[phrase.axis].refusals.append(refusal(document, match, phrase.reason))
        settled = True
    return settled


def _fact(document: Document, match: Match, phrase: Phrase, found: dict[str, Found]) -> None:
    """Notes a fact on its axis, the name of a public person on every axis."""
    groups = frozenset([phrase.group] if phrase.group else [])
    for axis in [phrase.axis] if phrase.axis else found:
        found[axis].facts.append(Block(f"{phrase.reason} ({phrase.text})", groups))
        if not phrase.axis:
            found[axis].refusals.append(refusal(document, match, "entity: a public person"))


def _sort_in(document: Document, match: Match, found: dict[str, Found]) -> None:
    compound = compound_reason(document, match.first, match.last)
    for axis, here in found.items():
        readings = [reading for reading in match.entry.readings if reading.axis == axis]
        if not readings:
            continue
        allowed, reason = _guarded(document, match, readings)
        blocked = compound or (_context_reason(document, match, allowed) if allowed else None)
        if allowed and blocked is None:
            here.mentions.append(Mention(match, allowed))
            return
        refused = refusal(document, match, blocked or reason)
        here.refusals.append(refused)
        if refused.code in _DOUBTFUL or _is_said_again(document, match, refused, readings):
            groups = frozenset(reading.group for reading in readings)
            here.doubts.append(
                Block(f"whole: {refused.term!r} stays in the same text ({refused.reason})", groups)
            )


def _is_said_again(document: Document, match: Match, refused: Refusal, readings: list[Reading]) -> bool:
    """ "Lost Boy On Roof: A boy …", "the Finnish Parliament … Finnish voters": one of the two would stay."""
    noun = refused.reason.startswith("entity: a capital inside") and readings[0].kind == "common"
    origin = refused.reason == "entity: part of a proper name" and readings[0].concept.guard == "demonym"
    return (noun or origin) and document.lower.count(document.lower[match.first]) > 1


def _context_reason(document: Document, match: Match, readings: list[Reading]) -> str | None:
    reason = title_reason(document, match, readings)
    if reason is None and document.parser is not None:
        held = document.parser.entity(document.text, document.starts[match.first], document.ends[match.last])
        reason = f"entity: part of {held}" if held else None
    return reason


def _guarded(document: Document, match: Match, readings: list[Reading]) -> tuple[list[Reading], str]:
    """The readings whose guard lets them through, and why the others were stopped."""
    verdicts: dict[tuple[str, str], str | None] = {}
    allowed = []
    for reading in readings:
        guard = reading.concept.guard
        if not guard:
            allowed.append(reading)
            continue
        key = (guard, reading.slot)
        if key not in verdicts:
            verdicts[key] = GUARDS[guard](document, match.first, match.last, reading.slot)
        if verdicts[key] is None:
            allowed.append(reading)
    return allowed, next((reason for reason in verdicts.values() if reason), "")
