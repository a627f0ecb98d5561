"""Hyphens around a term: "ex-wife" and "Muslim-owned" hold a term, "white-collar" and "man-made" don't."""

from __future__ import annotations

from counterpoise.counterfactual.tokens import APOSTROPHES, Document

_PREFIXES = frozenset(
    ["ex", "step", "half", "grand", "great", "co", "vice", "non", "pro", "anti", "mid", "late", "early", "multi", "single", "then", "now", "former", "self", "all", "pre", "post", "bi", "two", "three", "four", "five", "six", "year", "old", "lady"]
)
_SUFFIXES = frozenset(
    ["born", "owned", "led", "run", "majority", "dominated", "only", "based", "friendly", "made", "style", "like", "looking", "appearing", "trained", "sounding", "themed", "operated", "backed", "aged", "old", "ish", "to", "turned"]
)
_HYPHENS = frozenset("-‐‑")


def compound_reason(document: Document, first: int, last: int) -> str | None:
    """Why the words ``first`` to ``last`` may not be replaced inside a hyphenated word; ``None`` if they may."""
    text, start, end = document.text, document.starts[first], document.ends[last]
    if start and text[start - 1] in _HYPHENS and first and document.ends[first - 1] == start - 1:
        if document.lower[first - 1] not in _PREFIXES:
            return f"compound: part of {document.raw(first - 1)}-{document.raw(first)}"
    if end < len(text) and text[end] in _HYPHENS and last + 1 < len(document):
        if document.starts[last + 1] == end + 1 and document.lower[last + 1] not in _SUFFIXES:
            return f"compound: part of {document.raw(last)}-{document.raw(last + 1)}"
    return _glued(text, start, end)


def _glued(text: str, start: int, end: int) -> str | None:
    """Digits, @, # and slashes make handles, codes and paths of a word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if (before in {"@", "#", "_", "/", "\\"} and before) or (after in {"_", "@", "\\"} and after):
        return "compound: part of a handle, tag or path"
    if before in APOSTROPHES and before and text[start - 2 : start - 1].isalpha():
        return "compound: part of a name like O'Neil"
    if (
        after in APOSTROPHES
        and after
        and text[end + 1 : end + 2] in {"t", "T"}
        and not text[end + 2 : end + 3].isalpha()
    ):
        return "compound: a contraction"
    if before.isdigit() or after.isdigit():
        return "compound: part of a code"
    if after == "." and text[end + 1 : end + 2].isalpha() and text[end + 1 : end + 2].islower():
        return "compound: part of an address"
    return None
