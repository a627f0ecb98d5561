"""Where a phrase ends: the questions that several resolvers ask of the words around a term."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_BREAK = re.compile(r"^\s*[.,;:!?()\[\]…—–*]|^\s*--|^\s+-\s|^[\"”’']+(?:[\s.,;:!?)]|$)|\n")


def ends_phrase(document: Document, index: int) -> bool:
    """Whether the phrase ends right after word ``index``: punctuation, a closing quote or the end of the text."""
    return index + 1 >= len(document) or bool(_BREAK.search(document.gap(index)))


def stands(document: Document, index: int) -> bool:
    """Whether no noun follows word ``index``: the phrase ends there or a function word comes."""
    return ends_phrase(document, index) or document.lower[index + 1] in words("function")


def after_brackets(document: Document, index: int) -> int | None:
    """The word after the brackets that open right after word ``index``; ``None`` where none open or none close."""
    if document.gap(index).strip() not in {"(", "["}:
        return None
    for at in range(index + 1, min(index + 12, len(document))):
        gap = document.gap(at)
        if ")" in gap or "]" in gap:
            return at + 1 if gap.strip() in {")", "]"} and at + 1 < len(document) else len(document)
    return None
