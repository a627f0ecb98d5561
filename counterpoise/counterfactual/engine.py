"""The engine: one pass finds every term, the context settles or refuses it, all edits are applied at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from counterpoise.counterfactual.analysis import Found, analyse
from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.edits import Draft, apply, named_twice, refusal, replace
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.counterfactual.language import foreign_reason, unreadable_reason
from counterpoise.counterfactual.lexicon import Lexicon
from counterpoise.counterfactual.lexicon_file import load
from counterpoise.counterfactual.matcher import Index, index_of
from counterpoise.counterfactual.records import AXES, Direction, Refusal, Swap
from counterpoise.counterfactual.tokens import Document, SecondOpinion, lower_words
from counterpoise.errors import UsageError

BLOCKING = frozenset({"ambiguous", "confidence", "no-counterpart"})
"""Refusals that leave their whole axis untouched when ``whole`` is set: half a swap is worse than none."""


class Engine:
    """Swaps identity terms. Build it once; it keeps no state between texts."""

    def __init__(
        self, lexicon: Lexicon, config: CounterfactualConfig, parser: SecondOpinion | None = None
    ) -> None:
        self.lexicon = lexicon
        self._parser = parser
        self.config = config
        self._indexes: dict[tuple[str, ...], Index] = {}
        self._order = {name: rank for rank, name in enumerate(dict.fromkeys((*AXES, *lexicon.axes)))}

    @classmethod
    def from_config(cls, config: CounterfactualConfig | None = None) -> Engine:
        """An engine with the built-in lexicon and, if the config names one, a user's file.

        Raises:
            DataError: the user's lexicon is not valid.
            UsageError: the config names an axis that the lexicon does not have, or a parser without spaCy.
        """
        config = config or CounterfactualConfig()
        lexicon = load(Path(config.lexicon) if config.lexicon else None)
        for axis in config.axes:
            lexicon.axis(axis)
        return cls(lexicon, config, _parser(config))

    @property
    def fingerprint(self) -> str:
        """sha256 of the lexicon and the word lists: part of a cache key."""
        return lexicon_hash(self.config)

    def directions(self, axis: str) -> tuple[Direction, ...]:
        """Every directed pair of groups that the lexicon lists on ``axis``, both ways."""
        pairs = self.lexicon.axis(axis).pairs
        return tuple(direction for a, b in pairs for direction in ((a, b), (b, a)))

    def swaps(self, text: str, axis: str) -> tuple[Swap, ...]:
        """Every directed swap of ``axis`` that changes ``text``, in the lexicon's order, equal results once.

        Groups that the lexicon produces only on request (``asked``) are no targets here.
        """
        read = self._read(text, self._ordered((axis,)))
        if isinstance(read, Swap):
            return ()
        document, found = read
        groups, asked = found[axis].groups(), self.lexicon.axes[axis].asked
        swaps: dict[str, Swap] = {}
        for direction in self.directions(axis):
            if direction[0] in groups and direction[1] not in asked:
                swap = self._swapped(document, found, {axis: direction})
                if swap.changed:
                    swaps.setdefault(swap.swapped, self._verified(swap))
        return tuple(swaps.values())

    def swap(self, text: str, axes: Sequence[str] = ("gender",), direction: Direction | None = None) -> Swap:
        """The counterfactual of ``text``: the two groups of a direction change places.

        Args:
            axes: identity axes, in any order.
            direction: the source group, which the text must mention, and the group it changes places with, on
                the axes that have both. By default: the first group mentioned and its usual partner.

        Raises:
            UsageError: an axis or group does not exist.
        """
        names = self._ordered(axes)
        chosen = self._chosen(names, direction) if direction is not None else None
        read = self._read(text, names)
        if isinstance(read, Swap):
            return read
        document, found = read
        picked = self._mentioned(found, chosen) if chosen is not None else self._default(found)
        return self._verified(self._swapped(document, found, picked))

    def undo(self, swap: Swap) -> Swap:
        """The opposite swap: on unambiguous text its ``swapped`` is the original again."""
        read = self._read(swap.swapped, self._ordered(tuple(swap.directions)))
        if isinstance(read, Swap):
            return read
        opposite = {axis: (target, source) for axis, (source, target) in swap.directions.items()}
        return self._swapped(*read, self._mentioned(read[1], opposite))

    def _verified(self, swap: Swap) -> Swap:
        """The swap, flagged as reversible only if the opposite one gives back its text."""
        plain = all(edit.original.lower() in {"he", "she"} for edit in swap.edits)
        if plain or not swap.reversible or self.undo(swap).swapped == swap.text:
            return swap
        return dataclasses.replace(swap, reversible=False)

    def _ordered(self, axes: Sequence[str]) -> tuple[str, ...]:
        axes = (axes,) if isinstance(axes, str) else axes
        for axis in axes:
            self.lexicon.axis(axis)
        return tuple(sorted(set(axes), key=self._order.__getitem__))

    def _chosen(self, axes: tuple[str, ...], direction: Direction) -> dict[str, Direction]:
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

    def _read(self, text: str, axes: tuple[str, ...]) -> tuple[Document, dict[str, Found]] | Swap:
        """The text's words and what they mention; a :class:`Swap` when there is nothing to do."""
        reason = unreadable_reason(text)
        if reason is not None:
            return Swap(text, text, refusals=(Refusal(0, len(text), "", reason),))
        if axes not in self._indexes:
            self._indexes[axes] = index_of((self.lexicon.axes[axis] for axis in axes), self.config)
        index, words = self._indexes[axes], lower_words(text)
        if index.misses(words):
            return Swap(text, text)
        document = Document(text, words, self._parser)
        found = analyse(document, index, axes)
        if any(here.mentions for here in found.values()):
            foreign = foreign_reason(document)
            if foreign is not None:
                return Swap(text, text, refusals=(Refusal(0, len(text), "", foreign),))
        return document, found

    def _default(self, found: Mapping[str, Found]) -> dict[str, Direction]:
        picked = {}
        for axis, here in found.items():
            group = here.first_group()
            partner = self.lexicon.axes[axis].default.get(group) if group else None
            if group and partner:
                picked[axis] = (group, partner)
        return picked

    @staticmethod
    def _mentioned(found: Mapping[str, Found], chosen: dict[str, Direction]) -> dict[str, Direction]:
        return {axis: pair for axis, pair in chosen.items() if pair[0] in found[axis].groups()}

    def _swapped(self, document: Document, found: Mapping[str, Found], picked: dict[str, Direction]) -> Swap:
        drafts: list[Draft] = []
        refusals: list[Refusal] = []
        used: dict[str, Direction] = {}
        leans = False
        for axis, here in found.items():
            kept, refused = self._edits(document, here, picked.get(axis))
            if kept:
                leans = leans or here.leans_on(picked[axis])
            if kept and self.config.whole and (twice := named_twice(document, kept)):
                kept, refused = [], refused + [_refused(draft, twice) for draft in kept]
            refusals += refused
            if kept:
                drafts += kept
                used[axis] = picked[axis]
        swap = apply(document, drafts, refusals, used)
        return dataclasses.replace(swap, reversible=False) if leans else swap

    def _edits(
        self, document: Document, here: Found, direction: Direction | None
    ) -> tuple[list[Draft], list[Refusal]]:
        refusals = list(here.refusals)
        if direction is None:
            return [], refusals
        fact = self._fact(here, direction)
        drafts = []
        for mention in here.mentions:
            readings = [reading for reading in mention.readings if reading.group in direction]
            if fact is not None:
                refusals += [refusal(document, mention.match, fact)] if readings else []
                continue
            result = replace(document, mention.match, readings, direction) if readings else None
            if isinstance(result, Draft) and result.edit.confidence >= self.config.min_confidence:
                drafts.append(result)
            elif isinstance(result, Draft):
                needed = self.config.min_confidence
                refusals.append(_refused(result, f"confidence: {result.edit.confidence} is below {needed}"))
            elif result is not None:
                refusals.append(result)
        stop = self._stop(here, refusals, direction) if drafts else None
        if stop is not None:
            return [], refusals + [_refused(draft, stop) for draft in drafts]
        return drafts, refusals

    @staticmethod
    def _fact(here: Found, direction: Direction) -> str | None:
        """Why a swap of this text would say something false, if it would."""
        touched = here.groups().intersection(direction)
        for block in here.facts:
            if not block.groups or touched & block.groups:
                return block.reason
        return None

    def _stop(self, here: Found, refusals: list[Refusal], direction: Direction) -> str | None:
        """Why the axis must be left alone in this text, if it must: half a swap is worse than none."""
        if not self.config.whole:
            return None
        for block in here.doubts:
            if block.groups.intersection(direction):
                return block.reason
        unsure = next((item for item in refusals if item.code in BLOCKING), None)
        return f"whole: {unsure.term!r} in the same text is {unsure.code}" if unsure else None


def _parser(config: CounterfactualConfig) -> SecondOpinion | None:
    if config.syntax == "rules":
        return None
    from counterpoise.counterfactual.syntax import load_parser  # noqa: PLC0415 - brings the network and spaCy

    return load_parser(config.spacy_model)


def _refused(draft: Draft, reason: str) -> Refusal:
    edit = draft.edit
    return Refusal(edit.start, edit.end, edit.original, reason)
