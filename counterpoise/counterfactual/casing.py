"""Carries the case of what is replaced over to its replacement.

A lexicon form is *common* (``woman``), *proper* (``Muslim``) or *free* (``Black``, which careful writers
spell both ways). Lower case in a proper form is the writer's own habit ("muslim women") and is kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

Kind = Literal["common", "proper", "free"]
_ACRONYMS = frozenset({"US", "USA", "UK"})


def kind_of(form: str, free: bool = False) -> Kind:
    """How a lexicon form is normally written.

    >>> kind_of("Muslim"), kind_of("atheist"), kind_of("Black", free=True)
    ('proper', 'common', 'free')
    """
    if free:
        return "free"
    return "proper" if form.removeprefix("the ")[:1].isupper() else "common"


@lru_cache(maxsize=65536)
def carry(original: str, source: Kind, form: str, target: Kind, opens: bool) -> str:
    """``form`` in the case of ``original``.

    Args:
        original: the text that is replaced.
        source, target: how the replaced and the replacing form are normally written.
        form: the replacement as the lexicon spells it.
        opens: whether the span opens a sentence.

    >>> carry("HE", "common", "she", "common", True), carry("He", "common", "she", "common", True)
    ('SHE', 'She')
    >>> carry("muslim", "proper", "Christian", "proper", False)
    'christian'
    >>> carry("black", "free", "Asian", "proper", False), carry("Black", "free", "white", "free", False)
    ('Asian', 'White')
    """
    if source == "proper" and original.startswith("the "):
        original, opens = original.removeprefix("the "), False
    if original.isupper() and len(original) > 1 and original not in _ACRONYMS:
        return form.upper()
    if original[:1].isupper():
        if source == "proper" and not opens:
            return _titled(form) if _is_title(original) and target == "common" and " " in original else form
        return (
            _titled(form)
            if _is_title(original) and len(original.replace("-", " ").split()) > 1
            else _capitalised(form)
        )
    return form.lower() if source == "proper" or target == "free" else form


def _is_title(text: str) -> bool:
    return all(word[:1].isupper() for word in text.replace("-", " ").split())


def _capitalised(form: str) -> str:
    return form[:1].upper() + form[1:]


def _titled(form: str) -> str:
    return " ".join("-".join(_capitalised(part) for part in word.split("-")) for word in form.split(" "))
