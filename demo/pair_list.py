"""The benchmark's pairs as a list to look through: searched, filtered, sorted by what training changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.metrics.crows import pair_margins
from counterpoise.records import Normalisation, Pair, PairScore
from counterpoise.report.words import counted, signed

ALL = "all categories"
ORDERS = (
    "largest change first",
    "moved towards neutral first",
    "moved away from neutral first",
    "by number",
)
PAGE = 8
_SHORT = 110


@dataclass(frozen=True, slots=True)
class Listed:
    """A held-out pair with its margins by base and tuned, nats (per token where the run says so)."""

    pair: Pair
    base: float
    tuned: float

    @property
    def nearer(self) -> float:
        """How much nearer to neutral the margin came; negative for further away."""
        return abs(self.base) - abs(self.tuned)

    def title(self, words: Sequence[str] = ()) -> str:
        """One line for the list: of both sentences the one with more of the words that were looked for."""
        pair, change = self.pair, f"{signed(self.base)} → {signed(self.tuned)}"
        more, less = (sum(word in text.casefold() for word in words) for text in (pair.more, pair.less))
        text = f"less stereotyping: {_around(pair.less, words)}" if less > more else _around(pair.more, words)
        return f"{pair.pair_id} · {pair.category} · {change} · {text}"


def _around(text: str, words: Sequence[str]) -> str:
    """A text, or where it is long as much of it as holds the first of the words."""
    if len(text) <= _SHORT:
        return text
    places = [at for at in map(text.casefold().find, words) if at >= 0]
    start = max(0, min(min(places, default=0) - _SHORT // 3, len(text) - _SHORT))
    end = start + _SHORT
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list: its pairs, which page of how many (from 1), and how many pairs there are in all.

    Attributes:
        words: what was looked for.
    """

    pairs: Sequence[Listed]
    number: int
    pages: int
    found: int
    words: Sequence[str] = ()

    @property
    def status(self) -> str:
        """One line on what is shown."""
        if not self.found:
            return "No pair fits. Search for fewer words, or choose all categories."
        return f"{counted(self.found, 'pair')}, page {self.number} of {self.pages}."


def listed(
    pairs: Mapping[int, Pair], scores: Iterable[PairScore], normalisation: Normalisation
) -> list[Listed]:
    """Every scored pair, by its number."""
    rows = list(scores)
    scored = [pairs[number] for number in sorted({row.pair_id for row in rows})]
    if not scored:
        return []
    base, tuned = (
        pair_margins(scored, [row for row in rows if row.variant == variant], normalisation)
        for variant in ("base", "tuned")
    )
    return [Listed(pair, float(b), float(t)) for pair, b, t in zip(scored, base, tuned, strict=True)]


def page_of(everything: Sequence[Listed], search: str, category: str, order: str, number: int) -> Page:
    """A page of the pairs that hold every word of ``search`` (in any case, in either sentence)."""
    words = search.casefold().split()
    found = [
        item
        for item in everything
        if category in (ALL, item.pair.category)
        and all(word in f"{item.pair.more}\n{item.pair.less}".casefold() for word in words)
    ]
    if order != "by number":
        found.sort(key=lambda item: _rank(item, order))
    pages = max(1, -(-len(found) // PAGE))
    number = min(max(1, number), pages)
    return Page(found[(number - 1) * PAGE : number * PAGE], number, pages, len(found), words)


def _rank(item: Listed, order: str) -> tuple[float, int]:
    if order == "moved towards neutral first":
        return -item.nearer, item.pair.pair_id
    if order == "moved away from neutral first":
        return item.nearer, item.pair.pair_id
    return -abs(item.tuned - item.base), item.pair.pair_id
