"""Regular English plurals, so that the lexicon need not spell them."""

from __future__ import annotations


def plural(noun: str) -> str:
    """The regular plural of a noun's last word.

    >>> [plural(noun) for noun in ("mother", "actress", "lady", "boy", "church", "hero")]
    ['mothers', 'actresses', 'ladies', 'boys', 'churches', 'heroes']
    """
    if noun.endswith(("s", "x", "z", "ch", "sh")) or (noun.endswith("o") and noun[-2:-1] not in "aeiou"):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
