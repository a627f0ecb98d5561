"""Texts the English lexicon must leave alone: empty, broken, in another script or another language."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_LATIN = re.compile(r"[A-Za-z]")
_CODE = re.compile(
    r"[=!]==?\s|\w\(\w*\)\s*[;{.]|\{\s*(?:return|if|for)\b|\b(?:def|function|class|return|import|elif|print|echo|printf)\b\s*[\w.]*[(\"';:]"
    r"|\w+\s\+?=\s[\w\"'\[{(]|=>|->\w|::\w|\bSELECT\b.+\bFROM\b|[;{}]\s*$|\[['\"]\w+['\"]\]|\w+\.\w+\(|\\[a-z]+\{"
)
_CODE_SIGNS = frozenset("({=;[\\>")
_ACCENT = re.compile("[À-ÖØ-öø-ÿĀ-ſ¿¡]")
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
    if not _CODE_SIGNS.isdisjoint(document.text) and _CODE.search(document.text):
        return "language: looks like program code"
    english, foreign = words("english"), words("foreign")
    ours = sum(word in english for word in document.lower)
    theirs = sum(word in foreign and word not in english for word in document.lower)
    if theirs >= 2 and theirs > ours:
        return "language: does not look like English"
    if len(document) <= 9 and _foreign_line(document, ours, theirs):
        return "language: does not look like English"
    return None


def _foreign_line(document: Document, ours: int, theirs: int) -> bool:
    """Whether a short line holds foreign small words or accents and hardly an English one."""
    more = sum(word in words("foreign_more") for word in document.lower)
    accents = bool(_ACCENT.search(document.text)) and all(
        word not in words("first_names") and document.raw(at).islower()
        for at, word in enumerate(document.lower)
        if _ACCENT.search(word)
    )
    signs = theirs + more + accents
    return signs >= 2 and signs > ours
