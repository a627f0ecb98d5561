"""The columns that augmentation adds, as plain values for both file formats."""

from __future__ import annotations

from typing import Any

from counterpoise.counterfactual.records import Swap


def added(axis: str, swap: Swap) -> dict[str, Any]:
    """The added columns of one output row.

    ``counterfactual`` is null where the text cannot be written as UTF-8; the refusal says so.
    """
    broken = any(item.code == "encoding" for item in swap.refusals)
    return {
        "counterfactual": None if broken else swap.swapped,
        "changed": swap.changed,
        "axis": axis,
        "direction": ", ".join(f"{a}>{b}" for a, b in swap.directions.values()),
        "confidence": swap.confidence,
        "reversible": swap.reversible,
        "edits": [
            {
                "start": edit.start,
                "end": edit.end,
                "original": edit.original,
                "replacement": edit.replacement,
                "rule": edit.rule,
                "axis": edit.axis,
                "confidence": edit.confidence,
            }
            for edit in swap.edits
        ],
        "refusals": [
            {"start": item.start, "end": item.end, "term": item.term, "reason": item.reason}
            for item in swap.refusals
        ],
    }
