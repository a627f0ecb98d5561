"""A name of no list that a pronoun stands for: "Just watch Veller strut his stuff", where only "his" would turn."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache

from counterpoise.counterfactual.english import peoples, unpaired_names, vocabulary, words
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.her import her
from counterpoise.counterfactual.resolve.neighbourhood import DETERMINER
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.tokens import Document

_OWN = frozenset({"he", "she", "his", "her", "himself", "herself"})
_PLACED = frozenset({"in", "at", "from", "near", "through", "to", "on", "via", "called", "named"})
"""Words before a capital that make a place or a thing of it."""
_MODALS = frozenset({"should", "must", "can", "could", "would", "may", "might"})
_APPOSED = frozenset({"in", "who", "whose", "also", "with", "born", "a", "an", "the", "now"})
_ENDINGS = ("ing", "ly", "ed", "ism", "tion", "ity", "ment", "ness")


def unlisted_bearer(document: Document, people: Sequence[int]) -> str | None:
    """Why the first word that the swap would turn is a pronoun for somebody whom no list holds, or ``None``.

    Objects are left out: "Larkwell Foods hired her" speaks of somebody else.

    Args:
        people: the words that the swap would turn.
    """
    if document.text.isupper() or headline(document):
        return None
    name = _owner(document, min(people, default=0))
    first = next((at for at in sorted(people) if not _is_object(document, at)), 0)
    if name is None and document.lower[first] in _OWN:
        name = _bearer(document, first, frozenset(people))
    return f"fact: unpaired: {name!r} may be a name that the lexicon does not have" if name else None


def _owner(document: Document, first: int) -> str | None:
    """ "Tolback's critics accuse him of it": whoever owns the subject may be the object too."""
    if document.lower[first] not in _OWN | {"him"}:
        return None
    names = [index for index in range(first) if _may_be_a_name(document, index)]
    if len(names) > 1 and document.lower[first] == "him":
        return document.raw(names[0])
    for index in names:
        owns = document.gap(index) in {"'", "’"} and document.lower[index + 1] == "s"
        if owns and index + 1 < first:
            return document.raw(index)
    return None


def _bearer(document: Document, first: int, people: Set[int]) -> str | None:
    """The name of no list before the pronoun at ``first``, unless somebody else stands there too."""
    name, others = None, False
    for index in range(first):
        named = _may_be_a_name(document, index) or _is_small_name(document, index, people)
        if named and index and is_person(document.previous_word(index)):
            return document.raw(index)  # "director Rittley … he"
        if not named and _is_somebody(document, index, people):
            name, others = None if index in people else name, True
        elif named and name is None and (not others or _acts(document, index, document.lower[index])):
            name = document.raw(index)
    return name


def _is_small_name(document: Document, index: int, people: Set[int]) -> bool:
    """ "tom lost his keys": a first name in lower case that is another word too, and a verb after it."""
    word, after = document.lower[index], document.next_word(index)
    if (
        index in people
        or not document.informal
        or word not in words("first_names") - words("name_words", "function", "unisex")
    ):
        return False
    return after in words("perfect_past") or after.endswith("ed")


def _is_object(document: Document, index: int) -> bool:
    word = document.lower[index]
    return word == "him" or (word == "her" and her(document, index)[0] != DETERMINER)


def _is_somebody(document: Document, index: int, people: Set[int]) -> bool:
    """Whether the pronoun may stand for a person of a list instead."""
    word = document.lower[index]
    named = word in words("unisex") and document.raw(index)[:1].isupper()
    return (
        index in people
        or named
        or is_person(word)
        or word in {"someone", "somebody", "everyone", "anyone", "who"}
    )


def _may_be_a_name(document: Document, index: int) -> bool:
    raw, word = document.raw(index), document.lower[index]
    if len(raw) < 3 or not raw[0].isupper() or raw.isupper() or word in _known():
        return False
    if "&" in document.before(index) or document.next_word(index) in words("brand_verbs"):
        return False
    if document.before(index)[-1:] == "(" and document.gap(index)[:1] == ")":
        return True
    before = document.lower[index - 1] if index else ""
    if before in words("surname_titles"):
        return False
    if document.opens_sentence(index):
        return _acts(document, index, word)
    owns = document.gap(index)[:1] in {"'", "’"}
    return (owns or before not in _PLACED) and before not in words("determiner")


@cache
def _known() -> frozenset[str]:
    return (vocabulary() - unpaired_names() - words("name_brands")) | peoples()


def _acts(document: Document, index: int, word: str) -> bool:
    """ "Eastlow winces, …", "Murden should …": a verb follows the word that opens the sentence."""
    if word.endswith(_ENDINGS):
        return False
    after = document.next_word(index)
    if document.gap(index)[:1] in {"'", "’"} and document.lower[index + 1 : index + 2] == ["s"]:
        return True
    if document.gap(index) == ", ":
        return document.lower[index + 1] in _APPOSED
    verb = after in _MODALS or after.endswith("ed") or after in words("perfect_past", "verb_finite")
    return verb or (after.endswith("s") and not word.endswith("s"))
