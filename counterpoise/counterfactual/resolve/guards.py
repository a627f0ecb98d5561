"""The contexts a lexicon row may ask for, by name."""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve import origins, roles
from counterpoise.counterfactual.resolve.names import is_first_name
from counterpoise.counterfactual.tokens import Document

Guard = Callable[[Document, int, int, str], str | None]
"""A document, the first and last word of a term, its slot → ``None`` if the term may be swapped, else the reason."""


def _name(document: Document, first: int, last: int, slot: str) -> str | None:
    return is_first_name(document, first)


def _signal_name(document: Document, first: int, last: int, slot: str) -> str | None:
    """A first name that signals an origin; with a surname it may be a real person, whose origin is a fact."""
    following = document.raw(first + 1) if document.joined(first) else ""
    if following[:1].isupper() and following.lower() not in words("function") and not document.text.isupper():
        return "entity: a full name, perhaps of a real person"
    return is_first_name(document, first)


def _figure(document: Document, first: int, last: int, slot: str) -> str | None:
    if document.gap(last)[:1] == "!":
        return "not-people: an exclamation"
    return _capital(document, first, last, slot)


def _feast(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "which lent it some charm"."""
    verb = document.raw(first) == "lent" and document.next_word(last) not in {
        "",
        "and",
        "or",
        "this",
        "is",
        "starts",
    }
    return "not-people: a verb here" if verb else None


def _stage(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "in her youth" is a time of life; "the youth", "Latino youth", "youth programs" are people or their things."""
    if document.lower[last] != "youth":
        return None
    before, after = document.previous_word(first), document.next_word(last)
    thing = document.gap(last)[:1] == "/" or (after and after not in words("function", "verb_finite"))
    young = before in words("determiner", "adjective", "descent") - _OWNERS
    return "unsure: people, or a thing of theirs" if thing or young else None


def _capital(document: Document, first: int, last: int, slot: str) -> str | None:
    capital = document.raw(first)[:1].isupper()
    return None if capital else "not-people: in lower case this is another word"


_OWNERS = frozenset({"my", "your", "his", "her", "our", "their"})
GUARDS: dict[str, Guard] = {
    "people": roles.people,
    "group": roles.group,
    "bare": roles.bare,
    "not_a_cry": roles.not_a_cry,
    "kin_or_cry": roles.kin_or_cry,
    "title": roles.title,
    "address": roles.address,
    "noun": roles.noun,
    "small_noun": roles.small_noun,
    "bearer": roles.bearer,
    "name": _name,
    "signal_name": _signal_name,
    "capital": _capital,
    "feast": _feast,
    "stage": _stage,
    "figure": _figure,
    "demonym": origins.demonym,
    "origin": origins.origin,
    "believer": origins.believer,
}
