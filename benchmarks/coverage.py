"""Coverage of CrowS-Pairs as a Markdown table: what the engine changes in ``sent_more``, and what it refuses and why.

    python -m benchmarks.coverage

For each category, on its own axis: sentences with a term of the lexicon (also a refused one), sentences changed by some
direction, those of which one swap is ``sent_less`` word for word, and those for which that holds but for first names.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from counterpoise.counterfactual import AXES, Engine
from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import lower_words
from counterpoise.sources.datasets import locate

HEAD = (
    "category",
    "sentences",
    "with a term",
    "changed",
    "of those",
    "refused",
    "= `sent_less`",
    "… but for the name",
    "why refused",
)


@dataclass(slots=True)
class Row:
    """Counts of one category; ``why`` counts each refusal code once a sentence."""

    sentences: int = 0
    term: int = 0
    changed: int = 0
    equal: int = 0
    nearly: int = 0
    why: Counter[str] = field(default_factory=Counter)

    def add(self, engine: Engine, axis: str, more: str, less: str) -> None:
        """Counts one pair."""
        self.sentences += 1
        swaps = engine.swaps(more, axis)
        codes = {item.code for item in engine.swap(more, (axis,)).refusals if item.term}
        self.term += bool(swaps or codes)
        self.changed += bool(swaps)
        target = lower_words(less)
        swapped = [lower_words(swap.swapped) for swap in swaps]
        self.equal += target in swapped
        self.nearly += _nameless(target) in map(_nameless, swapped)
        if codes and not swaps:
            self.why.update(codes)

    def cells(self, name: str) -> tuple[str, ...]:
        """The row of the table."""
        share = f"{100 * self.changed / self.term:.0f} %" if self.term else "–"
        why = ", ".join(f"{code} {count}" for code, count in self.why.most_common())
        refused = self.term - self.changed
        counts = self.sentences, self.term, self.changed, share, refused, self.equal, self.nearly
        return (name, *map(str, counts), why)


def _nameless(text: Iterable[str]) -> list[str]:
    return ["·" if word in words("first_names") else word for word in text]


def table() -> list[tuple[str, ...]]:
    """Heading, categories by size, and the sum."""
    engine = Engine.from_config()
    rows = {axis: Row() for axis in AXES}
    with locate("crows-pairs").open(encoding="utf-8", newline="") as lines:
        for pair in csv.DictReader(lines):
            axis = pair["bias_type"]
            rows[axis].add(engine, axis, pair["sent_more"], pair["sent_less"])
    total = Row()
    for row in rows.values():
        for name in ("sentences", "term", "changed", "equal", "nearly"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    ordered = sorted(rows.items(), key=lambda item: -item[1].sentences)
    return [HEAD, *(row.cells(axis) for axis, row in ordered), total.cells("all")]


def main() -> None:
    head, *rows = table()
    for cells in (head, ("---",) * len(head), *rows):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
