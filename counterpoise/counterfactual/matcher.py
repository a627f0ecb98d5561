"""Finds every term of the chosen axes in one pass, longest match first, on word boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.counterfactual.lexicon import Axis, Phrase, Reading
from counterpoise.counterfactual.tokens import WORD, Document


@dataclass(slots=True)
class Entry:
    """Everything that one sequence of words can be."""

    words: tuple[str, ...]
    readings: list[Reading]
    phrases: list[Phrase]

    @property
    def only_names(self) -> bool:
        """Whether it can be nothing but a first name, which lower-case words never are."""
        return not self.phrases and all(reading.slot == "name" for reading in self.readings)


@dataclass(frozen=True, slots=True)
class Match:
    """An entry found at words ``first`` to ``last`` (inclusive)."""

    first: int
    last: int
    entry: Entry

    def spells(self, document: Document, phrase: str) -> bool:
        """Whether the matched words are written exactly as in ``phrase``, capitals included."""
        return WORD.findall(phrase) == [document.raw(at) for at in range(self.first, self.last + 1)]


class Index:
    """Entries by first word, longest first."""

    def __init__(self, axes: Iterable[Axis], names: bool = True) -> None:
        entries: dict[tuple[str, ...], Entry] = {}
        for axis in axes:
            for reading in axis.readings:
                if reading.slot == "name" and not names:
                    continue
                _entry(entries, reading.form).readings.append(reading)
            for phrase in axis.phrases:
                _entry(entries, phrase.text).phrases.append(phrase)
        self._by_first: dict[str, list[Entry]] = {}
        for entry in sorted(entries.values(), key=lambda entry: -len(entry.words)):
            self._by_first.setdefault(entry.words[0], []).append(entry)
        self._starts = frozenset(self._by_first)
        self._names = frozenset(entry.words[0] for entry in entries.values() if entry.only_names)

    def misses(self, words: list[str]) -> bool:
        """Whether none of ``words`` starts an entry: a cheap test for the many texts without terms."""
        return self._starts.isdisjoint(words)

    def find(self, document: Document) -> Iterator[Match]:
        """The matches, left to right, never overlapping."""
        index = 0
        lower = document.lower
        starts = self._starts
        while index < len(lower):
            if lower[index] in starts:
                match = self._longest(document, index)
                if match is not None:
                    yield match
                    index = match.last
            index += 1

    def _longest(self, document: Document, index: int) -> Match | None:
        for entry in self._by_first[document.lower[index]]:
            last = index + len(entry.words) - 1
            if last > index and not _follows(document, index, entry.words):
                continue
            if last == index and entry.words[0] in self._names and document.raw(index).islower():
                continue
            match = Match(index, last, entry)
            if entry.readings or any(_written(document, match, phrase) for phrase in entry.phrases):
                return match
        return None


def _follows(document: Document, index: int, words: tuple[str, ...]) -> bool:
    if tuple(document.lower[index : index + len(words)]) != words:
        return False
    return all(
        gap in {" ", "-", "\u00a0", "‑", "'", "’"} or (gap.isspace() and gap.count("\n") < 2)
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
    words = tuple(WORD.findall(form.lower()))
    return entries.setdefault(words, Entry(words, [], []))
