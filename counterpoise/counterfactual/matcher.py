"""Finds every term of the chosen axes in one pass, longest match first, on word boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.english import public_people
from counterpoise.counterfactual.lexicon import Axis, Phrase, Reading
from counterpoise.counterfactual.tokens import WORD, Document

_BETWEEN = frozenset({" ", "-", "\u00a0", "‑", "'", "’", "' ", "’ "})
_MARKS = frozenset("&.,")
REAL = "fact: a public person, of whom a swap would be false"


@dataclass(slots=True)
class Entry:
    """Everything that one sequence of words can be."""

    words: tuple[str, ...]
    readings: list[Reading]
    phrases: list[Phrase]
    marks: frozenset[str]

    @property
    def only_names(self) -> bool:
        """Whether it can be nothing but a first name, which lower-case words never are."""
        return not self.phrases and all(reading.slot == "name" for reading in self.readings)


class Match(NamedTuple):
    """An entry found at words ``first`` to ``last`` (inclusive)."""

    first: int
    last: int
    entry: Entry

    def spells(self, document: Document, phrase: str) -> bool:
        """Whether the matched words are written exactly as in ``phrase``, capitals included."""
        return WORD.findall(phrase) == [document.raw(at) for at in range(self.first, self.last + 1)]


class Index:
    """Entries by first word, longest first.

    Attributes:
        keeps_full_names: whether any full name stops a swap, also of a person whom no list holds.
    """

    def __init__(
        self, axes: Iterable[Axis], names: bool = True, people: Iterable[str] = (), full_names: bool = False
    ) -> None:
        self.keeps_full_names = full_names
        entries: dict[tuple[str, ...], Entry] = {}
        for person in people:
            phrase = Phrase("", person, REAL, fact=True, exact=" " not in person)
            _entry(entries, person).phrases.append(phrase)
        for axis in axes:
            for reading in axis.readings:
                if reading.slot == "name" and not names:
                    continue
                _entry(entries, reading.form).readings.append(reading)
            for phrase in axis.phrases:
                _entry(entries, phrase.text).phrases.append(phrase)
        ordered = sorted(entries.values(), key=lambda entry: -len(entry.words))
        self._alone = {entry.words[0]: entry for entry in ordered if len(entry.words) == 1}
        self._by_two: dict[tuple[str, str], list[Entry]] = {}
        for entry in ordered:
            if len(entry.words) > 1:
                self._by_two.setdefault((entry.words[0], entry.words[1]), []).append(entry)
        self._firsts: dict[str, set[str]] = {}
        for first, second in self._by_two:
            self._firsts.setdefault(first, set()).add(second)
        self._terms = frozenset(entry.words[0] for entry in ordered if entry.readings)
        self._names = frozenset(entry.words[0] for entry in ordered if entry.only_names)

    def misses(self, words: list[str]) -> bool:
        """Whether none of ``words`` starts a term: a cheap test for the many texts that have nothing to swap."""
        return self._terms.isdisjoint(words)

    def find(self, document: Document) -> Iterator[Match]:
        """The matches, left to right, never overlapping."""
        index = 0
        lower = document.lower
        alone, firsts, end = self._alone, self._firsts, len(document.lower)
        while index < end:
            word = lower[index]
            if word in alone or (word in firsts and index + 1 < end and lower[index + 1] in firsts[word]):
                match = self._longest(document, index)
                if match is not None:
                    yield match
                    index = match.last
            index += 1

    def _longest(self, document: Document, index: int) -> Match | None:
        lower = document.lower
        if index + 1 < len(lower):
            for entry in self._by_two.get((lower[index], lower[index + 1]), ()):
                match = Match(index, index + len(entry.words) - 1, entry)
                if _follows(document, index, entry) and _holds(document, match):
                    return match
        alone = self._alone.get(lower[index])
        if alone is None:
            return None
        if lower[index] in self._names and document.raw(index).islower() and not document.informal:
            return None
        match = Match(index, index, alone)
        return match if _holds(document, match) else None


def index_of(axes: Iterable[Axis], config: CounterfactualConfig) -> Index:
    """The terms of ``axes`` and the people that ``config`` protects."""
    people = public_people() if config.real_people != "swap" else ()
    return Index(axes, config.names, people, config.real_people == "keep")


def _holds(document: Document, match: Match) -> bool:
    """Whether it is a term, or a phrase as it is written."""
    return bool(match.entry.readings) or any(
        _written(document, match, phrase) for phrase in match.entry.phrases
    )


def _follows(document: Document, index: int, entry: Entry) -> bool:
    words = entry.words
    if tuple(document.lower[index : index + len(words)]) != words:
        return False
    return all(
        gap in _BETWEEN or (gap.isspace() and gap.count("\n") < 2) or gap.strip() in entry.marks
        for gap in (document.gap(at) for at in range(index, index + len(words) - 1))
    )


def _written(document: Document, match: Match, phrase: Phrase) -> bool:
    """Whether the match is written as the phrase asks: its hyphens, and its capitals if it is exact."""
    hyphens = (
        "-" not in phrase.text
        or "-" in document.text[document.starts[match.first] : document.ends[match.last]]
    )
    return hyphens and (not phrase.exact or match.spells(document, phrase.text))


def _entry(entries: dict[tuple[str, ...], Entry], form: str) -> Entry:
    words, marks = _spelled(form)
    entry = entries.setdefault(words, Entry(words, [], [], marks))
    entry.marks |= marks
    return entry


@lru_cache(maxsize=65536)
def _spelled(form: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The words of a form and the marks that may stand between them."""
    return tuple(WORD.findall(form.lower())), frozenset(form) & _MARKS
