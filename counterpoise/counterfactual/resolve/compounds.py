"""Marks around a term: "ex-wife" and "he/she" hold a term; "white-collar", "Don't", "@he" and "/he/" don't."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import APOSTROPHES, Document

_HYPHENS = frozenset("-‐‑")
_SPLIT = re.compile(r"(?:^|\W)(?:\w+|s|wo|fe)[)]$|(?:^|\W)(?:s|wo|fe)/$", re.IGNORECASE)
_GLUE_BEFORE = frozenset("@#_\\")
_GLUE_AFTER = frozenset("@_\\")


def compound_reason(document: Document, first: int, last: int) -> str | None:
    """Why the words ``first`` to ``last`` may not be replaced inside a longer word; ``None`` if they may."""
    text, start, end = document.text, document.starts[first], document.ends[last]
    before, after = text[start - 1 : start], text[end : end + 1]
    if before.isspace() and after.isspace():
        return None
    if before in _HYPHENS and first and document.ends[first - 1] == start - 1:
        prefix = document.raw(first - 1)
        if prefix.lower() not in words("compound_prefix") and not _pair(prefix, document.raw(first)):
            return f"compound: part of {prefix}-{document.raw(first)}"
    if after in _HYPHENS and last + 1 < len(document) and document.starts[last + 1] == end + 1:
        suffix = document.raw(last + 1)
        if suffix.lower() not in words("compound_suffix") and not _pair(suffix, document.raw(last)):
            return f"compound: part of {document.raw(last)}-{suffix}"
    return _glued(text, start, end) if before or after else None


def _pair(other: str, term: str) -> bool:
    """Whether a hyphen joins two people, as "mother-daughter"."""
    pronouns = words("pronouns_of_people")
    return other.lower() in words("paired") - pronouns and term.lower() not in pronouns


def _glued(text: str, start: int, end: int) -> str | None:  # noqa: PLR0911 - an ordered list of decisions
    """Digits, @, # and slashes make handles, codes and paths of a word, apostrophes names and contractions."""
    before, after, further = text[start - 1 : start], text[end : end + 1], text[end + 1 : end + 2]
    if (before in _GLUE_BEFORE or after in _GLUE_AFTER) and not _underlined(text, start, end):
        return "compound: part of a handle or tag"
    if _SPLIT.search(text[max(start - 6, 0) : start]):
        return "compound: a word for both, as s/he"
    if before in {"]", ")"} and text[start - 2 : start - 1].isalpha():
        return "compound: the end of a word in brackets"
    if "/" in (before, after) and _in_path(text, start, end):
        return "compound: part of a path"
    if before and before in APOSTROPHES and text[start - 2 : start - 1].isalpha():
        return "compound: part of a name like O'Neil"
    if after and after in APOSTROPHES and further in {"t", "T"} and not text[end + 2 : end + 3].isalpha():
        return "compound: a contraction"
    if before.isdigit() or after.isdigit():
        return "compound: part of a code"
    return (
        "compound: part of an address" if after == "." and further.isalpha() and further.islower() else None
    )


def _underlined(text: str, start: int, end: int) -> bool:
    """Whether a pair of underscores marks the span: "_she_"."""
    around = text[max(start - 2, 0) : start - 1] + text[end + 1 : end + 2]
    return text[start - 1 : start] == text[end : end + 1] == "_" and not re.search(r"\w", around)


def _in_path(text: str, start: int, end: int) -> bool:
    """Whether the span is in an address or path; "he/she" is neither."""
    left, right = text[max(start - 200, 0) : start], text[end : end + 200]
    chunk = re.split(r"\s", left)[-1] + "\0" + re.split(r"\s", right)[0]
    return "//" in chunk or chunk.startswith(("/", "www.", "~", ".")) or chunk.count("/") > 1
