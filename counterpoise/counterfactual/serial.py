"""A swap as plain data: the shape of ``counterpoise swap --json``."""

from __future__ import annotations

import json
from typing import Any

from counterpoise.counterfactual.records import Swap


def as_json(swap: Swap) -> dict[str, Any]:
    """``{"text", "swapped", "changed", "edits", "refusals"}`` with spans in characters of ``text``."""
    return {
        "text": swap.text,
        "swapped": swap.swapped,
        "changed": swap.changed,
        "edits": [
            {
                "start": edit.start,
                "end": edit.end,
                "original": edit.original,
                "replacement": edit.replacement,
                "rule": edit.rule,
            }
            for edit in swap.edits
        ],
        "refusals": [
            {"start": item.start, "end": item.end, "term": item.term, "reason": item.reason}
            for item in swap.refusals
        ],
    }


def json_line(value: dict[str, Any]) -> bytes:
    """One line of UTF-8 JSON; bytes that were not UTF-8 when read come out as ``\\udcXX`` escapes."""
    try:
        return json.dumps(value, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode() + b"\n"
