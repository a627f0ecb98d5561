"""Whether a word of identity describes people: "a black man" does, "a black coat" does not."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import ends_phrase
from counterpoise.counterfactual.tokens import Document


def describes_people(document: Document, first: int, last: int, nominal: bool) -> str | None:
    """``None`` when the adjective at words ``first`` to ``last`` describes people, else why not.

    Args:
        nominal: whether "the" + the word is a usual name for the group, as in "the poor".
    """
    if not ends_phrase(document, last) and "-" not in document.gap(last):
        after = document.lower[last + 1]
        if after not in words("function") or after == "out":
            noun = _described(document, last + 1)
            if noun is None:
                return None
            if not (_predicate(document, first) and _not_a_noun(after)):
                return f"not-people: describes {noun!r}"
    if first and document.lower[first - 1] == "the" and document.joined(first - 1):
        return None if nominal else "not-people: no person named"
    return _subject(document, first)


def _described(document: Document, index: int) -> str | None:
    """``None`` if a person noun heads the phrase at ``index``; else the thing that does."""
    for at in range(index, min(index + 5, len(document))):
        word = document.lower[at]
        if word in words("person"):
            return None
        if word not in words("modifier") or not (document.joined(at) or document.gap(at).strip() in {"-", ","}):
            return None if _first_name(document, at) and at == index else word
    return document.lower[index]


def _first_name(document: Document, index: int) -> bool:
    return document.raw(index)[:1].isupper() and document.lower[index] in words("first_names")


def _not_a_noun(word: str) -> bool:
    return word in words("verb_finite") or word in words("degree") or word.endswith(("ing", "ly"))


def _predicate(document: Document, first: int) -> bool:
    return _copula(document, first) is not None


def _copula(document: Document, first: int) -> int | None:
    """The linking verb that the word at ``first`` completes."""
    at = first - 1
    while at >= 0 and first - at <= 6 and document.gap(at).strip() in {"", ","}:
        if document.lower[at] in words("copula"):
            return at
        if document.lower[at] not in words("degree") | words("modifier") | {"not", "t", "and", "or", "to"}:
            return None
        at -= 1
    at = max(at, 0)
    return at if document.lower[at] in {"s", "re", "m"} else None


def _subject(document: Document, first: int) -> str | None:
    """``None`` if the word is said of a person ("she is black"), else why not."""
    verb = _copula(document, first)
    if verb is None:
        return "not-people: no person named"
    for at in range(verb - 1, max(verb - 8, -1), -1):
        word = document.lower[at]
        if word in words("person_pronoun") or word in words("person") or document.raw(at) == "I":
            return None
        if document.raw(at)[:1].isupper() and (at > 0 or word in words("first_names")) and word not in words("function"):
            return None
        if word in {"it", "this", "that", "there", "what", "which"}:
            return f"not-people: said of {word!r}"
        if word not in words("function") | words("degree") | words("copula") | words("modifier"):
            return None if _first_name(document, at) else f"not-people: said of {word!r}"
    return None if document.lower[verb] in {"being", "m"} else "not-people: no person named"
