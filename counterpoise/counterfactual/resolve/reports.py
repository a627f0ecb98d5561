"""Texts that a swap of faith, nation or colour would make false: history, doctrine, schools of thought."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.records import Refusal
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.formal import formal_reason
from counterpoise.counterfactual.resolve.manner import GROUPS
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.resolve.talk import talks
from counterpoise.counterfactual.tokens import Document


class _Mention(Protocol):
    @property
    def match(self) -> Match: ...
    @property
    def readings(self) -> list[Reading]: ...


_ENTITY = re.compile(r"The ([A-Z][\w'’-]+(?: (?:of )?[A-Z][\w'’-]+)+) (?:is|are|was|were) (?:an?|the|one) ")
_WAR = re.compile(r"\bWorld War\b")
_YEAR = re.compile(r"\b(?:1[0-9]\d\d|20[0-2]\d)s?\b")
_OLD_YEAR = re.compile(r"\b1[0-8]\d\d\b|\b19[0-4]\ds?\b")
_CITATION = re.compile(
    r"\bISBN\b|\bpp?\. ?\d|\bpp\.$|\(?\b[Ee]ds?\.(?: \(|$)|\bCS1 maint|\bRetrieved (?:on )?\w+ \d"
    r"|; [A-Z]\w+, [A-Z]\w+ [A-Z]\."
)
_TITLE = re.compile(
    r"[A-Z]\w+: (?:By )?(?:His|Her|Him|Himself|Herself)\b|\b[Aa]nd (?:His|Her) [A-Z]|[A-Z]\w+: In (?:His|Her)\b"
)
_SIGNS = ("ISBN", "p.", "d.", "ds.", "CS1", "Retrieved", ";")
"""One of these stands in every match of the pattern above."""
_AUTHOR = re.compile(r"\W*([A-Z][\w'-]+), [A-Z][\w.]+(?:(?: [A-Z]\.)*,? ?(?:[\"“‘(]|\d)| [A-Z]\. )")
_BELIEVE = frozenset(
    {"believe", "believes", "believed", "believing", "faith", "interest", "interested", "raised", "up"}
)
_MANY = frozenset({"persons", "people"})
_NO_DOCTRINES = frozenset(
    {"racism", "sexism", "autism", "tourism", "criticism", "optimism", "pessimism", "terrorism"}
)


def report_reason(document: Document, axis: str, mentions: Sequence[_Mention]) -> str | None:
    """Why ``axis`` is left alone in a text that reports facts about groups, or ``None``."""
    if _cites(document):
        return "fact: a list of works"
    if axis == "gender" and _titled(document):
        return "fact: the title of a work"
    if axis == "gender" and any(_many(item) for item in mentions):
        return _history(document)
    if axis == "gender" and not talks(document) and (year := _OLD_YEAR.search(document.text)):
        return f"fact: history: {year.group()}"
    if axis not in GROUPS:
        return None
    return _school(document, axis, mentions) or _history(document) or _doctrine(document, mentions)


def _cites(document: Document) -> bool:
    """Pages, editors, an ISBN, or a surname, a first name and a title."""
    author = _AUTHOR.match(document.text)
    if author and author.group(1).lower() not in vocabulary() and not author.group(1).endswith("ly"):
        return True
    text = document.text
    return any(sign in text for sign in _SIGNS) and bool(_CITATION.search(text))


def _titled(document: Document) -> bool:
    """ "Doris Day: Her Own Story", "Emmy Noether and Her Influence"."""
    text = document.text
    return ("Her" in text or "His" in text or "Him" in text) and bool(_TITLE.search(text))


def _many(mention: _Mention) -> bool:
    """Whether a whole sex is meant: "women", "men"."""
    return any(reading.slot == "plural" and reading.concept.rule in _MANY for reading in mention.readings)


def _school(document: Document, axis: str, mentions: Sequence[_Mention]) -> str | None:
    """ "Irish nationalism", "Islamic philosophy", "the American Left": each its own history."""
    lists = ("schools", "faiths") if axis == "race-color" else ("schools", "faiths", f"schools_{axis}")
    schools = words(*lists)
    for mention in mentions:
        last = mention.match.last
        for at in range(last + 1, min(last + 4, len(document))):
            if not document.joined(at - 1) or document.lower[at] in words("function"):
                break
            politics = document.raw(at) in {"Left", "Right"} and document.raw(last).istitle()
            if document.lower[at] in schools or politics or _ism(document.lower[at]):
                return f"fact: {document.raw(last)} {document.raw(at)} has a history of its own"
    return None


def _ism(word: str) -> bool:
    """Whether the word names a doctrine: "deism", "reconstructionism"."""
    return word.endswith(("ism", "isms")) and len(word) > 5 and word not in _NO_DOCTRINES


def _history(document: Document) -> str | None:
    """An event with its date, where nobody speaks of himself."""
    if talks(document):
        return None
    told = words("history", "schools").intersection(document.lower)
    if told:
        return f"fact: history: {min(told)!r}"
    year = _YEAR.search(document.text) or _WAR.search(document.text)
    return f"fact: history: {year.group()}" if year else None


def definition_reason(
    document: Document, axis: str, mentions: Sequence[_Mention], refusals: Sequence[Refusal]
) -> str | None:
    """ "Benshi were Japanese performers": why a text that explains a word of no list is left alone, or ``None``."""
    if ": " in document.text and headline(document):
        return "fact: the title of a work"
    reason = formal_reason(document, axis, mentions, refusals)
    if reason is not None:
        return reason
    entity = _ENTITY.match(document.text)
    if entity and axis != "gender":
        return f"fact: what {entity.group(1)} is"
    opens = len(document) > 3 and document.lower[0] not in vocabulary() and document.joined(0)
    if not opens or document.lower[1] not in {"is", "are", "was", "were"}:
        return None
    if not document.raw(0)[:1].isupper() or not 1 < min(item.match.first for item in mentions) < 5:
        return None
    return f"fact: what {document.raw(0)} {document.lower[1]} is told"


def _doctrine(document: Document, mentions: Sequence[_Mention]) -> str | None:
    """ "In Islam, knowledge is …": a faith as a teaching, and no person in the text."""
    for item in mentions:
        scripture = item.readings[0].concept.rule == "scriptures"
        told = document.lower[item.match.last + 1 : item.match.last + 3] == ["is", "the"]
        if scripture and (told or document.next_word(item.match.last) in words("teaches")):
            return f"fact: doctrine: what {document.raw(item.match.last)} says"
    faiths = [item.match for item in mentions if item.readings[0].concept.rule == "faiths"]
    for match in faiths:
        before = document.previous_word(match.first)
        following = document.lower[match.last + 1 : match.last + 3]
        acts = not words("teaches").isdisjoint(following) or following == ["is", "the"]
        within = before == "in" and document.previous_word(match.first - 1) not in _BELIEVE
        if (
            acts
            or (within and not talks(document))
            or before in words("branch")
            or _named_branch(document, match.first)
        ):
            return f"fact: doctrine: {document.raw(match.last)} as one teaching"
    generic = faiths and document.lower[faiths[0].last + 1 : faiths[0].last + 3] == ["is", "a"]
    if not faiths or generic or any(_someone(document, at) for at in range(len(document))):
        return None
    return f"fact: doctrine: what is said of {document.raw(faiths[0].last)} is no statement about people"


def _named_branch(document: Document, first: int) -> bool:
    """ "Karaite Judaism", "Balinese Hinduism"."""
    before = document.previous_word(first)
    return (
        bool(before)
        and document.raw(first - 1)[:1].isupper()
        and before not in words("function", "preposition")
    )


def _someone(document: Document, at: int) -> bool:
    word = document.lower[at]
    abbreviated = word == "i" and document.gap(at)[:1] == "."
    if (word in words("person_pronoun") and word != "being" and not abbreviated) or is_person(word):
        return True
    return word in words("first_names") and document.raw(at)[:1].isupper()
