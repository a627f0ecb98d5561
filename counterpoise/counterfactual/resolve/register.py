"""The register of ordinary text: how people write to each other, or tell of their day. No encyclopaedia writes so."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_MARKS = re.compile(
    r"n['’]t\b|\b(?:I|you|we|they|he|she|it|that|what|there|here|who|how|let)['’](?:re|ll|m|ve|d|s)\b"
    r"|[!?]|\.\.\.|[@#]\w|https?:|&amp;|[:;]-?[)(DP]|[\u2600-\u27bf\U0001f300-\U0001faff]",
    re.IGNORECASE,
)
"""Contractions, cries and questions, handles, addresses, faces."""
_ONE_IN = 25
_QUOTATION = re.compile(r"[\"“][^\"“”]*[\"”]?")


def is_ordinary(document: Document) -> bool:
    """Whether something outside a quotation shows ordinary text: a mark, a word of chat, a word of every day.

    A text that begins in lower case counts too.
    """
    return _begins_small(document) or _has_plain_words(document) or _has_marks(document)


def _begins_small(document: Document) -> bool:
    """Whether the writer begins a line of some length without a capital."""
    return len(document) > 3 and document.raw(0).islower()


def _has_plain_words(document: Document) -> bool:
    """Whether words of chat or of every day are there, in lower case: one in twenty-five words."""
    plain = words("chat", "everyday")
    found = sum(word in plain and document.raw(at).islower() for at, word in enumerate(document.lower))
    return _ONE_IN * found >= len(document)


def _has_marks(document: Document) -> bool:
    text = document.text
    if '"' in text or "“" in text:
        text = _QUOTATION.sub("", text)
    return bool(_MARKS.search(text))
