"""The manner of an encyclopaedia: learned words, a heading or fragment, a statement in which nobody acts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from counterpoise.counterfactual.english import peoples, vocabulary, words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.tokens import Document


class Mention(Protocol):
    """A term of the axis in the text."""

    @property
    def match(self) -> Match:
        """Where it stands."""
        ...

    @property
    def readings(self) -> list[Reading]:
        """What it may mean."""
        ...


GROUPS = frozenset({"religion", "nationality", "race-color"})
PERSON = frozenset({"he", "she", "his", "her", "him", "hers", "himself", "herself"})
SHORT = 12
"""Words of a text that says too little to be a report."""
_LETTERS = 8
"""Letters of a long word."""
_MANY = 5
"""Long words of a long report."""
_OPENING = 7
"""Words in which a sentence names its subject."""
_OF = frozenset({"for", "of", "by", "to", "with"})
_DEFINITION = re.compile(r"^(?:An?|The) (?:[\w-]+ ){1,3}?is an? (?:[\w-]+ ){1,4}?(?:who|that|which|for)\b")


def unfinished(document: Document) -> bool:
    """Whether the text begins with a capital and has no end: four words or more."""
    text = document.text.strip(" \n\"“('‘")
    return len(document) >= 4 and text[:1].isupper() and (text[-1].isalnum() or text[-1] == ",")


def is_fragment(document: Document) -> bool:
    """Whether the text has no end and is no clause either: it breaks off, or nobody says or does anything."""
    return unfinished(document) and (not _has_verb(document) or breaks_off(document))


def breaks_off(document: Document) -> bool:
    """Whether the text ends where no sentence does: "Others in the Christian left who", "He was a writer,"."""
    if not unfinished(document):
        return False
    end, last = document.gap(len(document) - 1).strip(), document.lower[-1]
    whose = last == "his" and document.lower[-2] not in words("copula")
    asked = words("asking").isdisjoint(document.lower)
    return end == "," or whose or last in words("goes_on") or (asked and last in {"is", "are"})


def manner_reason(document: Document, axis: str, mentions: Sequence[Mention]) -> str | None:
    """Why a text in which nobody says I or you reads like an encyclopaedia's, or ``None``."""
    if _learned(document, axis):
        return "fact: a report in learned words"
    if not PERSON.isdisjoint(document.lower):
        return "fact: the text breaks off" if breaks_off(document) else None
    if is_fragment(document) and len(document) >= SHORT // 2 and len(mentions) == 1:
        return "fact: a heading, or a text that breaks off"
    if _DEFINITION.match(document.text):
        return "fact: a definition"
    return _in_general(document, axis) if len(document) > SHORT // 2 else None


def _has_verb(document: Document) -> bool:
    """Whether somebody says what is or happens: a line without a full stop is a sentence all the same."""
    verbs = words("verb_finite", "perfect_past", "copula")
    if any(word in verbs or word.endswith("ed") for word in document.lower):
        return True
    return any(_is_present(document, at) for at in range(1, len(document)))


def _is_present(document: Document, at: int) -> bool:
    """ "The baker closes early", "two men run the shop"."""
    word, bases = document.lower[at], words("verb_base")
    return (word[:-1] in bases and word[-1] == "s") or (word in bases and is_person(document.lower[at - 1]))


def _in_general(document: Document, axis: str) -> str | None:
    """What is, was or is usual, in a text without he and she."""
    if not _somebody_acts(document):
        return "fact: a report in which nobody acts"
    told = words("history").intersection(document.lower)
    if axis in GROUPS or len(document) > SHORT:
        told = told or words("usual").intersection(document.lower)
    return f"fact: a report: {min(told)!r}" if told else None


def _learned(document: Document, axis: str) -> bool:
    """Whether one word of ten is long and of no list, two at least: hardly anybody talks like that."""
    if len(document) <= (SHORT // 2 if axis in GROUPS else SHORT) and not is_fragment(document):
        return False
    long = sum(len(word) >= _LETTERS and not _is_known(word) for word in document.lower)
    return long > 1 and (10 * long >= len(document) or long >= _MANY)


def _is_known(word: str) -> bool:
    """Whether some list holds the word, or what it is made from: "ordering"."""
    stems = {word, *(word.removesuffix(ending) for ending in ("s", "d", "ed", "ing"))}
    return not vocabulary().isdisjoint(stems) or word in peoples() or is_person(word)


def _somebody_acts(document: Document) -> bool:
    """Whether the sentence opens with somebody: "A Jewish couple bought …", not "Gloves for women …"."""
    for at in range(min(_OPENING, len(document))):
        word = document.lower[at]
        someone = _is_somebody(document, at, word)
        named = word in words("first_names") and document.raw(at)[:1].isupper()
        if (someone or named) and _OF.isdisjoint(document.lower[max(0, at - 3) : at]):
            return True
    return False


def _is_somebody(document: Document, at: int, word: str) -> bool:
    """Whether the word is a person, a people in the plural, or one of a people who does something."""
    if word in peoples():
        following = document.next_word(at)
        acts = following in words("verb_finite", "copula", "person_pronoun") or following.endswith("ed")
        return word[-1] == "s" or acts
    adjective = at > 0 and word.endswith("man") and document.raw(at).istitle()
    return (is_person(word) and not adjective) or word in words("person_pronoun")
