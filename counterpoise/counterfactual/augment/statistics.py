"""Counts of what was changed and refused; those of two shards add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from counterpoise.counterfactual.records import Swap

_KEPT_PAIRS = 2_000


@dataclass(slots=True)
class Statistics:
    """What happened to the rows of some shards.

    Attributes:
        rows: output rows; changed: rows with an edit; reversible: rows whose opposite swap gives the text back.
        rules: edits by (axis, rule); pairs: edits by (axis, "original → replacement"), the commonest kept;
        refusals: refusals by code.
    """

    rows: int = 0
    changed: int = 0
    reversible: int = 0
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def count(self, swap: Swap) -> None:
        """Adds one output row."""
        self.rows += 1
        self.changed += swap.changed
        self.reversible += swap.changed and swap.reversible
        for edit in swap.edits:
            self.rules[edit.axis, edit.rule] += 1
            self.pairs[edit.axis, f"{edit.original.lower()} → {edit.replacement.lower()}"] += 1
        self.refusals.update(item.code for item in swap.refusals)

    def as_json(self) -> dict[str, Any]:
        """Plain data; at most 2,000 word pairs are kept."""
        return {
            "rows": self.rows,
            "changed": self.changed,
            "reversible": self.reversible,
            "rules": [[*key, count] for key, count in self.rules.most_common()],
            "pairs": [[*key, count] for key, count in self.pairs.most_common(_KEPT_PAIRS)],
            "refusals": [[key, count] for key, count in self.refusals.most_common()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Statistics:
        """The inverse of :meth:`as_json`."""
        return cls(
            rows=data["rows"],
            changed=data["changed"],
            reversible=data["reversible"],
            rules=Counter({(axis, rule): count for axis, rule, count in data["rules"]}),
            pairs=Counter({(axis, pair): count for axis, pair, count in data["pairs"]}),
            refusals=Counter(dict(data["refusals"])),
        )


def add(parts: Iterable[Statistics]) -> Statistics:
    """The statistics of all shards together."""
    total = Statistics()
    for part in parts:
        total.rows += part.rows
        total.changed += part.changed
        total.reversible += part.reversible
        total.rules.update(part.rules)
        total.pairs.update(part.pairs)
        total.refusals.update(part.refusals)
        if len(total.pairs) > 2 * _KEPT_PAIRS:
            total.pairs = Counter(dict(total.pairs.most_common(_KEPT_PAIRS)))
    return total


def table(total: Statistics, top: int = 12) -> str:
    """The statistics as text for a terminal."""
    share = f"{100 * total.changed / total.rows:.1f} %" if total.rows else "–"
    lines = [
        f"{total.rows:,} rows · {total.changed:,} changed ({share}) · {total.reversible:,} of them reversible",
        "",
    ]
    lines += _columns(
        "edits by rule", [(f"{axis} · {rule}", n) for (axis, rule), n in total.rules.most_common(top)]
    )
    lines += _columns("commonest edits", [(pair, n) for (_, pair), n in total.pairs.most_common(top)])
    lines += _columns("refusals by reason", total.refusals.most_common(top))
    return "\n".join(lines).rstrip()


def _columns(title: str, items: list[tuple[str, int]]) -> list[str]:
    if not items:
        return []
    width = max(len(name) for name, _ in items)
    return [title, *(f"  {name:<{width}}  {count:>10,}" for name, count in items), ""]
