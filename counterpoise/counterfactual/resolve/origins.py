"""Words of nation and faith: not the language, not a museum, not a country in passing."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_AMERICANS = frozenset({"american", "americans"})


def demonym(document: Document, first: int, last: int, slot: str) -> str | None:
    """A nationality: neither its language, nor part of a proper name, nor half of "Indian American"."""
    if in_proper_name(document, last):
        return "entity: part of a proper name"
    if _half_of_an_american(document, first, last):
        return "compound: an American of that descent"
    before, after = document.previous_word(first), document.next_word(last)
    if document.lower[first] == "polish" and (document.raw(first).islower() or after in words("determiner")):
        return "not-people: a verb or noun here"
    spoken = before in words("language_verb") or (before == "in" and not after)
    if spoken or after in {"language", "languages", "grammar", "lessons", "translation"}:
        return "language: the language, not the people"
    return None


def origin(document: Document, first: int, last: int, slot: str) -> str | None:
    """A country: only where someone comes from it or lives in it."""
    proper = first + 1 if document.lower[first] == "the" else first
    if not document.raw(proper)[:1].isupper():
        return "not-people: in lower case this is another word"
    before = document.lower[first - 1] if first else ""
    if before == "from":
        return None
    if before in {"in", "to", "of"} and first > 1:
        earlier = document.lower[first - 2]
        if earlier in words("origin_before") or earlier in words("person"):
            return None
    return "place: a country, not where someone comes from"


def believer(document: Document, first: int, last: int, slot: str) -> str | None:
    """An adherent: "Christian Dior" is a first name and "Jewish Museum" an institution."""
    if in_proper_name(document, last):
        return "entity: part of a proper name"
    if document.lower[first] == "christian" and slot != "plural" and document.joined(last):
        following = document.raw(last + 1)
        known = (
            words("english") | words("function") | words("person") | words("modifier") | words("first_names")
        )
        if following.istitle() and not document.text.isupper() and following.lower() not in known:
            return "entity: a first name"
    return None


def in_proper_name(document: Document, last: int) -> bool:
    """Whether capitalised words follow that end in "Museum", "Revolution" or the like."""
    if document.text.isupper():
        return False
    for at in range(last + 1, min(last + 5, len(document))):
        if not document.joined(at - 1) or not document.raw(at)[:1].isupper():
            return False
        if document.lower[at] in words("entity_after"):
            return True
    return False


def _half_of_an_american(document: Document, first: int, last: int) -> bool:
    if document.lower[first] not in _AMERICANS:
        return document.next_word(last) in _AMERICANS
    before = document.previous_word(first)
    return before in words("descent") and document.raw(first - 1)[:1].isupper()
