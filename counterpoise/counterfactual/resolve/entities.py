"""A first name inside the name of something else: a firm, a town, a work, an author in a list of works."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.origins import in_proper_name
from counterpoise.counterfactual.tokens import Document

_WORKS = frozenset({"journal", "film", "movie", "opera", "musical", "novel", "album", "magazine", "sitcom"})
_QUOTED = re.compile(r"(?:\"|“|'')(?:[A-Z][\w'’-]*|of|the|at|in|and|a|to|with|for|,|:|&| )+[?,.]?(?:\"|”|'')")
"""A title in quotation marks."""
_SAID = frozenset({"said", "says", "asked", "he", "she", "i", "they", "we", "called", "yelled", "cried"})
_PROPHETS = frozenset({"muhammad", "mohammed", "moses", "jesus", "abraham"})


def entity_reason(document: Document, index: int) -> str | None:  # noqa: PLR0911, PLR0912 - an ordered list of decisions
    """Why the name at word ``index`` is part of another name, or ``None``."""
    if _acronym(document, index):
        return "entity: an abbreviation"
    following = document.next_word(index)
    if document.lower[index] in _PROPHETS and not words("faith").isdisjoint(document.lower):
        return "entity: a prophet"
    if following in words("named_things"):
        return f"entity: {document.raw(index)} {following}"
    if document.gap(index).strip(" ")[:1].isdigit():
        return "entity: before a number"
    if following in words("entity_after") and document.raw(index + 1)[:1].isupper():
        return f"entity: {document.raw(index)} {document.raw(index + 1)}"
    if document.joined(index) and in_proper_name(document, index):
        return "entity: part of a proper name"
    if _cited(document, index):
        return "entity: an author in a list of works"
    if _with_epithet(document, index, following):
        return "entity: part of a proper name"
    if _in_a_state(document, index):
        return "not-a-name: a place"
    if (
        document.gap(index) == " & "
        and document.lower[index + 1 :]
        and document.lower[index + 1] not in words("first_names")
    ):
        return "entity: part of a firm's name"
    possessive = document.lower[index + 1 : index + 3]
    named = len(possessive) == 2 and possessive[0] == "s" and possessive[1] in words("entity_after")
    if named and document.raw(index + 2)[:1].isupper():
        return "entity: part of a proper name"
    if (
        len(possessive) == 2
        and possessive[0] == "s"
        and not words("shows").isdisjoint(document.lower[index + 2 : index + 5])
    ):
        return "entity: an artist or a work"
    if following == "from" and _comes_from_a_work(document, index + 2):
        return "entity: somebody of a work"
    if _is_quoted_title(document, index):
        return "entity: part of a title"
    if _so_called(document, index) or _opens_a_work(document, index):
        return "entity: part of a proper name"
    if document.previous_word(index) in _WORKS and following not in words("verb_finite", "perfect_past"):
        return "entity: part of a title"
    if document.previous_word(index) in {"st", "saint", "san", "santa", "lake", "mount", "fort", "port"}:
        return "entity: part of a proper name"
    if index and document.lower[index - 1] in {"st", "mt"} and document.gap(index - 1).strip() == ".":
        return "entity: part of a proper name"
    return None


def _comes_from_a_work(document: Document, at: int) -> bool:
    """ "Eddie from Letters Home To Nobody": three capitals in a row, or two of ordinary words."""
    last = at
    while last < len(document) and document.raw(last)[:1].isupper() and document.joined(last - 1):
        last += 1
    inside = document.lower[at:last]
    plain = all(
        word in vocabulary() and word not in words("states", "capitals", "name_places") for word in inside
    )
    return len(inside) > 2 or (len(inside) == 2 and plain)


def _is_quoted_title(document: Document, index: int) -> bool:
    """Whether the name stands in a short quotation, all in capitals but small words: "Knives at Dawn"."""
    if '"' not in document.text and "“" not in document.text and "''" not in document.text:
        return False
    beside = document.joined(index) and document.raw(index + 1)[:1].isupper()
    if beside or (document.joined(index - 1) and document.raw(index - 1)[:1].isupper()):
        return False  # a full name
    for found in _QUOTED.finditer(document.text):
        if found.start() <= document.starts[index] < found.end():
            return document.text[found.end() :].lstrip().split(" ")[0].lower() not in _SAID
    return False


def _so_called(document: Document, index: int) -> bool:
    """ "a band called Alice", "the Book of Daniel"."""
    before = document.lower[max(index - 3, 0) : index]
    if before[-2:] == ["book", "of"] and document.raw(index - 2)[:1].isupper():
        return True
    return before[-1:] in (["called"], ["named"]) and not words("named_works").isdisjoint(before[:-1])


def _opens_a_work(document: Document, index: int) -> bool:
    """ "Christina's World hangs here": a capital after 's, and nobody is spoken of."""
    if document.lower[index + 1 : index + 2] != ["s"] or index + 2 >= len(document) or headline(document):
        return False
    after = document.raw(index + 2)
    capital = after.istitle() and after.lower() not in words("first_names", "paired", "weekday")
    return capital and words("pronouns_of_people").isdisjoint(document.lower)


def _cited(document: Document, index: int) -> bool:
    """ "Kimball, Stanley B., ed.": the surname stands before."""
    if index and document.opens_sentence(index - 1) and document.gap(index)[:1] in {",", "."}:
        surname = document.gap(index - 1) == ", " and document.lower[index - 1] not in vocabulary()
        if surname and not document.lower[index - 1].endswith("ly"):
            return True
    return (index > 0 and _inverted(document, index)) or _inverted(document, index + 1)


def _inverted(document: Document, index: int) -> bool:
    """Whether word ``index`` comes after a comma and before an initial."""
    if (
        document.gap(index - 1) not in {", ", "., "}
        or not document.raw(index - 1)[:1].isupper()
        or not document.joined(index)
    ):
        return False
    initial = document.raw(index + 1)
    return document.raw(index)[:1].isupper() and len(initial) == 1 and document.gap(index + 1)[:1] == "."


def _in_a_state(document: Document, index: int) -> bool:
    """ "Elizabeth, New Jersey"."""
    if index and document.gap(index - 1) == ", " and document.lower[index] in words("states", "name_places"):
        town = document.lower[index - 1]
        if document.raw(index - 1)[:1].isupper() and town not in words("first_names", "function", "english"):
            return town not in vocabulary() and not document.opens_sentence(index - 1)
    last = index + 1 == len(document)
    if last or document.gap(index) != ", " or not document.raw(index + 1)[:1].isupper():
        return False
    state = document.lower[index + 1]
    if state == "new" and document.joined(index + 1):
        return document.lower[index + 2] in {"jersey", "york", "hampshire", "mexico"}
    return state in words("states")


def _with_epithet(document: Document, index: int, following: str) -> bool:
    """Whether it is "Jack the Ripper" or "Joan of Arc"."""
    if following not in {"the", "of"} or not document.joined(index + 1) or document.text.isupper():
        return False
    return document.raw(index + 1).islower() and document.raw(index + 2)[:1].isupper()


def _acronym(document: Document, index: int) -> bool:
    """ "LEO chaplains": capitals throughout, in a text that is not, and a noun after it."""
    if not document.raw(index).isupper() or len(document.raw(index)) < 2 or document.text.isupper():
        return False
    if len(document.raw(index)) < 7 and document.lower[index] != "i":
        return True
    after = document.next_word(index)
    verb = after in words("verb_finite", "perfect_past", "function") or after.endswith("ed")
    return bool(after) and document.raw(index + 1).islower() and not verb
