"""Capitals inside a sentence that name a thing or somebody whom no list holds."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import cache

from counterpoise.counterfactual.english import peoples, vocabulary, words
from counterpoise.counterfactual.records import Refusal
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.tokens import Document

_WHERE = frozenset(
    {"in", "to", "at", "from", "near", "through", "mr", "mrs", "ms", "dr", "los", "san", "st", "new"}
)
"""Words before a capital that make a place of it, or somebody without a first name."""
_APPOSED = frozenset({"in", "who", "whose", "also", "with", "born", "a", "an"})
_INITIALS = re.compile(r"\b[A-Z]\. ?(?:[A-Z]\. ?)*[A-Z][a-z]{2,}")
_RUN = re.compile(r"\b(?P<before>[a-z]+|\d+),? (?P<name>[A-Z][a-z]+(?: [A-Z][a-z]+)+)")


def name_of_its_own(document: Document, terms: Set[int], openings: bool) -> str | None:
    """A thing or somebody with a name of its own, if the text has one.

    Args:
        openings: whether the first word of a sentence may be one.
    """
    ordinary = _ordinary_capitals()
    for index in range(len(document)):
        raw, word = document.raw(index), document.lower[index]
        if (
            not raw[:1].isupper()
            or not raw[1:2].islower()
            or len(raw) < 3
            or index in terms
            or word in ordinary
        ):
            continue
        if document.opens_sentence(index):
            named = openings and _acts(document, index)
        else:
            named = document.previous_word(index) not in _WHERE or document.raw(index - 1)[:1].isupper()
            named = named and not _plain(document, index)
        if named:
            return raw
    return None


def initials(document: Document) -> str | None:
    """Somebody who is named by initials and a surname: "R. A. Lafferty"."""
    found = _INITIALS.search(document.text) if "." in document.text else None
    return found.group() if found else None


def long_name(document: Document, refusals: Sequence[Refusal]) -> str | None:
    """Capitals in a row inside a sentence: three, or two of which no list holds one and no article before them."""
    ordinary = _ordinary_capitals()
    for found in _RUN.finditer(document.text):
        if any(found.start("name") <= item.start < found.end() and " " in item.term for item in refusals):
            continue  # a phrase that the lexicon knows: "Mary Janes"
        name = found.group("name").lower().split()
        unknown = not ordinary.union(vocabulary()).issuperset(name)
        article = found.group("before") in words("determiner") | _WHERE | {"s"}
        if not ordinary.issuperset(name) and (len(name) > 2 or (unknown and not article)):
            return found.group("name")
    return None


def named_beside_a_noun(document: Document) -> str | None:
    """ "The singer Orla Venn": capitals in a row, of which no list holds one, right after a noun for people."""
    known = _ordinary_capitals() | vocabulary()
    for found in _RUN.finditer(document.text):
        if is_person(found.group("before")) and not known.issuperset(found.group("name").lower().split()):
            return found.group("name")
    return None


def _plain(document: Document, index: int) -> bool:
    """A small word or a noun for people whose capital says nothing: no capital stands beside it."""
    if document.lower[index] not in words("function", "person"):
        return False
    after = document.raw(index + 1) if document.joined(index) else ""
    before = document.raw(index - 1) if document.joined(index - 1) else ""
    return not (before[:1].isupper() or after[:1].isupper())


@cache
def _ordinary_capitals() -> frozenset[str]:
    """Words that have a capital wherever they stand and name nobody in particular."""
    names = "first_names", "weekday", "months", "states", "realm", "name_places", "titles", "kin_titles"
    return words(*names, "faith", "descent", "languages_only", "capitals") | peoples()


def _acts(document: Document, index: int) -> bool:
    """Whether the word of no list that opens a sentence is somebody: "Ptolemy, in …", "Bookchin identifies …"."""
    word = document.lower[index]
    if word in vocabulary() or word.endswith(("ing", "ly", "ed")):
        return False
    if document.gap(index) in {"'", "’"} and document.lower[index + 1] == "s":
        return True
    if document.gap(index) == ", ":
        return document.lower[index + 1] in _APPOSED
    if word.endswith(("s", "ism", "tion", "ity", "ment")):
        return False
    at = index + 1
    while document.next_word(at - 1) in words("frequency") | {"again", "also"} or document.next_word(
        at - 1
    ).endswith("ly"):
        at += 1
    if at >= len(document) or not document.joined(at - 1):
        return False
    verb = document.lower[at]
    known = verb in words("verb_finite", "perfect_past") or verb.endswith(("ed", "ies", "izes", "ises"))
    return known or (verb.endswith("s") and verb[:-1] in words("verb_base"))
