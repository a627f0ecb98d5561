"""A page for human review: original and swap side by side, edits marked, filters by axis and rule. No network."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from jinja2 import Environment

from counterpoise.counterfactual.augment.statistics import Statistics

Piece = tuple[str, str]
"""A stretch of text and, if it was edited, by what."""


def review_page(sample: list[dict[str, Any]], statistics: Statistics, name: str) -> str:
    """One self-contained HTML page.

    Args:
        sample: rows as `shards` keeps them.
        name: the input's name, for the heading.
    """
    folder = resources.files("counterpoise.counterfactual.augment")
    template = Environment(autoescape=True).from_string(
        (folder / "review.html.j2").read_text(encoding="utf-8")
    )
    edits = [edit for row in sample for edit in row["edits"]]
    share = 100 * statistics.changed / max(statistics.rows, 1)
    return template.render(
        name=name,
        summary=f"{statistics.rows:,} rows · {statistics.changed:,} changed ({share:.1f} %) · {len(sample)} shown",
        axes=sorted({edit["axis"] for edit in edits}),
        rules=sorted({edit["rule"] for edit in edits}),
        rows=[_row(row) for row in sample],
    )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    edits, text = row["edits"], row["text"]
    return {
        "number": f"{row['row']:,}",
        "state": "changed" if edits else "refused",
        "axes": json.dumps(sorted({edit["axis"] for edit in edits})),
        "rules": json.dumps(sorted({edit["rule"] for edit in edits})),
        "before": _pieces(text, edits, "original"),
        "after": _pieces(text, edits, "replacement") if edits else [],
        "tags": ", ".join(dict.fromkeys(edit["rule"] for edit in edits)),
        "refusals": [item for item in row["refusals"] if item["term"]],
        "confidence": f"{row['confidence']:.2f}" if edits else "–",
    }


def _pieces(text: str, edits: list[dict[str, Any]], side: str) -> list[Piece]:
    """``text`` cut at its edits, each as its ``side``; edits past the shown part are left out."""
    pieces, at = [], 0
    for edit in edits:
        if edit["end"] > len(text):
            break
        pieces += [(text[at : edit["start"]], ""), (edit[side], f"{edit['axis']} · {edit['rule']}")]
        at = edit["end"]
    return [*pieces, (text[at:], "")]
