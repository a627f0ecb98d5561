"""The contexts a lexicon row may ask for, by name."""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve import demonyms
from counterpoise.counterfactual.resolve.names import is_first_name
from counterpoise.counterfactual.resolve.people import describes_people
from counterpoise.counterfactual.tokens import Document

Guard = Callable[[Document, int, int, str], str | None]
"""A document, the first and last word of a term, its slot → ``None`` if the term may be swapped, else the reason."""


def _free(document: Document, first: int, last: int, slot: str) -> str | None:
    return None


def _people(document: Document, first: int, last: int, slot: str) -> str | None:
    if slot != "adjective":
        return _noun(document, first, last, slot)
    return describes_people(document, first, last, nominal=False)


_THINGS_BEFORE = frozenset("egg eggs his her their my your teeth in wear wearing".split())


def _noun(document: Document, first: int, last: int, slot: str) -> str | None:
    """A colour or origin as a noun: "the whites", "an Asian"; not "egg whites", not "an Asian market"."""
    if document.previous_word(first) in _THINGS_BEFORE and document.lower[last].endswith("s"):
        return "not-people: no person named"
    if document.lower[last + 1 : last + 4] in ([["of", owner, "eyes"] for owner in ("his", "her", "their", "your", "my", "the")]):
        return "not-people: of the eyes"
    if slot == "singular":
        use = demonyms.use(document, first, last, frozenset({"adjective", "singular"}))[0]
        return None if use == "singular" else "not-people: no person named"
    return None


def _group(document: Document, first: int, last: int, slot: str) -> str | None:
    return describes_people(document, first, last, nominal=True)


def _name(document: Document, first: int, last: int, slot: str) -> str | None:
    return is_first_name(document, first)


def _signal_name(document: Document, first: int, last: int, slot: str) -> str | None:
    """A first name that signals an origin; with a surname it may be a real person, whose origin is a fact."""
    following = document.raw(first + 1) if document.joined(first) else ""
    if following[:1].isupper() and following.lower() not in words("function") and not document.text.isupper():
        return "entity: a full name, perhaps of a real person"
    return is_first_name(document, first)


def _capital(document: Document, first: int, last: int, slot: str) -> str | None:
    return None if document.raw(first)[:1].isupper() else "not-people: in lower case this is another word"


def _institution(document: Document, last: int) -> bool:
    """Whether capitalised words follow that end in "Museum", "Revolution" or the like."""
    if document.text.isupper():
        return False
    for at in range(last + 1, min(last + 5, len(document))):
        if not document.joined(at - 1) or not document.raw(at)[:1].isupper():
            return False
        if document.lower[at] in words("entity_after"):
            return True
    return False


def _hyphenless_american(document: Document, first: int, last: int) -> bool:
    """"Indian American" names one group, not two."""
    americans = {"american", "americans"}
    if document.lower[first] not in americans:
        return document.next_word(last) in americans
    before = document.previous_word(first)
    return len(before) > 3 and before.endswith(("ian", "ese", "ish", "ican", "rean", "an")) and document.raw(first - 1)[:1].isupper()


def _demonym(document: Document, first: int, last: int, slot: str) -> str | None:
    """Nationality words: not the language, not part of a proper name."""
    if _institution(document, last):
        return "entity: part of a proper name"
    if _hyphenless_american(document, first, last):
        return "compound: an American of that descent"
    before = document.previous_word(first)
    if before in words("language_verb"):
        return "language: the language, not the people"
    if before == "in" and not document.next_word(last):
        return "language: the language, not the people"
    if document.next_word(last) in {"language", "languages", "grammar", "lessons", "translation"}:
        return "language: the language, not the people"
    return None


def _origin(document: Document, first: int, last: int, slot: str) -> str | None:
    """Country names: only where someone comes from or lives."""
    proper = first + 1 if document.lower[first] == "the" else first
    if not document.raw(proper)[:1].isupper():
        return "not-people: in lower case this is another word"
    at = first - 1
    if at >= 0 and document.lower[at] == "from":
        return None
    if at >= 1 and document.lower[at] in {"in", "to", "of"}:
        previous = document.lower[at - 1]
        if previous in words("origin_before") or previous in words("person"):
            return None
    return "place: a country, not where someone comes from"


def _believer(document: Document, first: int, last: int, slot: str) -> str | None:
    """"Christian" followed by a surname is a first name; "Jewish Museum" is an institution."""
    if _institution(document, last):
        return "entity: part of a proper name"
    if document.lower[first] == "christian" and slot != "plural" and document.joined(last):
        following = document.raw(last + 1)
        known = words("english") | words("function") | words("person") | words("modifier") | words("first_names")
        if following[:1].isupper() and not document.text.isupper() and following.lower() not in known:
            return "entity: a first name"
    return None


def _bare(document: Document, first: int, last: int, slot: str) -> str | None:
    """Nouns that mean kin when someone has them: "her child", "they adopted two kids" are no age group."""
    if document.previous_word(first) in {"my", "your", "his", "her", "our", "their", "s", "whose"}:
        return "kin: someone's own"
    if words("having_kin") & set(document.lower[max(first - 4, 0) : first]):
        return "kin: someone's own"
    return None


def _believer(document: Document, first: int, last: int, slot: str) -> str | None:
    """"Christian" followed by a surname is a first name; "Jewish Museum" is an institution."""
    if _institution(document, last):
        return "entity: part of a proper name"
    if document.lower[first] == "christian" and slot != "plural" and document.joined(last):
        following = document.raw(last + 1)
        known = words("english") | words("function") | words("person") | words("modifier") | words("first_names")
        if following[:1].isupper() and not document.text.isupper() and following.lower() not in known:
            return "entity: a first name"
    return None


def _bare(document: Document, first: int, last: int, slot: str) -> str | None:
    """Nouns that mean kin when possessed: "her child" is no age group."""
    before = document.previous_word(first)
    if before in {"my", "your", "his", "her", "our", "their", "s", "whose"}:
        return "kin: someone's own"
    return None


def _not_a_cry(document: Document, first: int, last: int, slot: str) -> str | None:
    """"Man, that hurt!" calls on nobody."""
    raw, gap = document.raw(first), document.gap(first)
    if slot == "singular" and raw[:1].isupper() and document.opens_sentence(first) and gap[:1] in {",", "!"} and not raw.isupper():
        return "not-people: an exclamation"
    if document.previous_word(first) in {"to", "will"} and document.next_word(last) in {"the", "a", "up"} and slot == "singular":
        return "not-people: a verb here"
    return None


def _title(document: Document, first: int, last: int, slot: str) -> str | None:
    """A title stands before a capitalised name."""
    gap = document.gap(last).strip()
    named = last + 1 < len(document) and document.raw(last + 1)[:1].isupper() and gap in {"", ".", "&"}
    joint = last + 1 < len(document) and document.next_word(last) in {"and", "or"} or gap in {".", "&"}
    if document.raw(first)[:1].isupper() and (named or joint):
        return None
    return "not-people: not a title here"


def _address(document: Document, first: int, last: int, slot: str) -> str | None:
    return None if _title(document, first, last, slot) else "title: before a name"


def _noun_phrase(document: Document, first: int, last: int, slot: str) -> str | None:
    before = document.previous_word(first)
    if before in words("determiner") | words("modifier") | words("adjective") | {"s", "of", "as", "called", "become", "became", "and", "or"}:
        after = document.next_word(last)
        if not after or after in words("function") | words("verb_finite") or after.endswith("ed") or document.gap(last)[:1] in {"'", "’"}:
            return None
    return "not-people: not a noun for a person here"


def _bearer(document: Document, first: int, last: int, slot: str) -> str | None:
    before = document.previous_word(first)
    bearers = words("person") | {"those", "someone", "anyone", "everyone", "somebody", "anybody", "one", "ones"}
    return None if before in bearers else "not-people: not said of a person"


GUARDS: dict[str, Guard] = {
    "": _free,
    "people": _people,
    "group": _group,
    "name": _name,
    "signal_name": _signal_name,
    "capital": _capital,
    "demonym": _demonym,
    "origin": _origin,
    "bare": _bare,
    "believer": _believer,
    "not_a_cry": _not_a_cry,
    "title": _title,
    "address": _address,
    "noun": _noun_phrase,
    "bearer": _bearer,
}
