"""A text as words with their positions; everything between the words is kept by offset, never rebuilt."""

from __future__ import annotations

import re
from typing import Protocol

WORD = re.compile(r"[^\W\d_]+")
APOSTROPHES = "'’"
_NO_TEXT_MARKS = frozenset("<`@/")
_NO_TEXT = re.compile(r"</?[A-Za-z][^<>]*>|(?:https?://|www\.)\S+|(?<!\w)`[^`\n]*`|\S+@\S+\.\w+")
_MARKUP_SIGNS = frozenset("<*_~")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|(?<!\n)[*_~]+")
_OPENERS = frozenset('.!?…:\n"“”')
"""Marks after which a sentence, a quotation or a line begins."""
_CAPITAL = re.compile(r"\b(?!I\b)[A-ZÀ-ÖØ-Þ]")


class SecondOpinion(Protocol):
    """What a parser can add to the rules; see `syntax`."""

    def use(self, text: str, start: int) -> str | None:
        """The slot of the pronoun at ``start``."""

    def entity(self, text: str, start: int, end: int) -> str | None:
        """The protected entity that holds the span."""


def _outside(spans: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The spans outside tags, addresses and inline code."""
    held = [found.span() for found in _NO_TEXT.finditer(text)]
    return [span for span in spans if not any(start <= span[0] < end for start, end in held)]


def _plain(between: str) -> str:
    """What stands between two words without tags and marks of emphasis."""
    return _MARKUP.sub("", between) if not _MARKUP_SIGNS.isdisjoint(between) else between


def lower_words(text: str) -> list[str]:
    """The words of ``text`` in lower case."""
    return WORD.findall(text.lower())


class Document:
    """The words of one text.

    Attributes:
        text: the text itself.
        lower: each word in lower case, in order.
        starts, ends: character offsets of each word.
        parser: a second opinion on syntax, if there is one.
        capitals_everywhere: whether it is a headline, once somebody has asked.
    """

    __slots__ = ("_informal", "capitals_everywhere", "ends", "lower", "parser", "starts", "text")

    def __init__(
        self, text: str, lower: list[str] | None = None, parser: SecondOpinion | None = None
    ) -> None:
        self.text = text
        self.parser = parser
        spans = [found.span() for found in WORD.finditer(text)]
        if not _NO_TEXT_MARKS.isdisjoint(text):
            spans = _outside(spans, text)
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]
        # Lower-casing can split a word (İ becomes two characters): then each word is lowered by itself.
        if lower is None or len(lower) != len(spans):
            lower = [text[start:end].lower() for start, end in spans]
        self.lower = lower
        self._informal: bool | None = None
        self.capitals_everywhere: bool | None = None

    @property
    def informal(self) -> bool:
        """Whether the writer uses no capitals at all, but for "I": names are in lower case too."""
        if self._informal is None:
            self._informal = not _CAPITAL.search(self.text)
        return self._informal

    def __len__(self) -> int:
        return len(self.lower)

    def gap(self, index: int) -> str:
        """What stands between word ``index`` and the next one (or the end of the text)."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)
        between = self.text[self.ends[index] : end]
        return between if len(between) < 2 else _plain(between)

    def before(self, index: int) -> str:
        """What stands between the previous word (or the start of the text) and word ``index``."""
        start = self.ends[index - 1] if index else 0
        between = self.text[start : self.starts[index]]
        return between if len(between) < 2 else _plain(between)

    def raw(self, index: int) -> str:
        """Word ``index`` as written."""
        return self.text[self.starts[index] : self.ends[index]]

    def joined(self, index: int) -> bool:
        """Whether word ``index`` and the next one are separated by plain space only."""
        following = index + 1
        if following >= len(self.lower):
            return False
        end, start = self.ends[index], self.starts[following]
        if start - end == 1:
            return self.text[end].isspace()
        gap = self.gap(index)
        return gap.isspace() and "\n\n" not in gap

    def next_word(self, index: int) -> str:
        """The next word when only space separates it, in lower case; else ``""``."""
        return self.lower[index + 1] if self.joined(index) else ""

    def previous_word(self, index: int) -> str:
        """The previous word when only space separates it, in lower case; else ``""``."""
        return self.lower[index - 1] if index > 0 and self.joined(index - 1) else ""

    def opens_sentence(self, index: int) -> bool:
        """Whether word ``index`` is the first of a sentence, a quotation or a line."""
        if index == 0:
            return True
        gap = self.before(index)
        if self.text.startswith("@", max(self.starts[index - 1] - 1, 0)):
            return True
        return not _OPENERS.isdisjoint(gap) or (gap.rstrip() != gap and gap.strip() in {"'", "‘"})
