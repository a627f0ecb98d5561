"""a/an before a replaced word."""

from __future__ import annotations

import re

_SILENT_H = ("heir", "honest", "honour", "honor", "hour")
_CONSONANT_VOWEL = re.compile(
    r"(?:eu|ew|uni(?!n|m)|us[aeiu]|ut[aeiou]|ub[aei]|uk|ur[aeiou]|one\b|once\b|ou?ija)"
)


def takes_an(word: str) -> bool:
    """Whether English puts "an" before ``word``.

    >>> [takes_an(word) for word in ("Asian", "European", "heiress", "hostess", "uncle", "unicorn", "Indian")]
    [True, False, True, False, True, False, True]
    """
    lowered = word.lower().lstrip("'\"‘’“”(")
    if lowered.startswith("h"):
        return lowered.startswith(_SILENT_H)
    return lowered[:1] in set("aeiou") and not _CONSONANT_VOWEL.match(lowered)


def article_for(article: str, word: str) -> str:
    """``article`` (a or an, any case) as ``word`` needs it, in the same case.

    >>> article_for("A", "Asian"), article_for("an", "Black"), article_for("AN", "WOMAN")
    ('An', 'a', 'A')
    """
    needed = "an" if takes_an(word) else "a"
    if article.isupper() and (len(article) > 1 or word.isupper()):
        return needed.upper()
    return needed.capitalize() if article[0].isupper() else needed
