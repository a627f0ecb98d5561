"""Texts the English lexicon must leave alone: empty, broken, in another script or another language."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_LATIN = re.compile(r"[A-Za-z]")
_BROKEN = re.compile("[\ud800-\udfff]")


def unreadable_reason(text: str) -> str | None:
    """Why nothing in ``text`` can be swapped, or ``None``."""
    if not text or text.isspace():
        return "empty: no text"
    if _BROKEN.search(text):
        return "encoding: not valid UTF-8"
    if not _LATIN.search(text):
        return "language: no Latin letters, the lexicon is English"
    return None


def foreign_reason(document: Document) -> str | None:
    """Why ``document`` looks like another language, or ``None``: its small words are not English ones."""
    english, foreign = words("english"), words("foreign")
    ours = sum(word in english for word in document.lower)
    theirs = sum(word in foreign and word not in english for word in document.lower)
    if theirs >= 2 and theirs > ours:
        return "language: does not look like English"
    return None
