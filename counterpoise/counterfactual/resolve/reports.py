"""Texts that a swap of faith, nation or colour would make false: history, doctrine, schools of thought."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Protocol

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.records import Refusal
from counterpoise.counterfactual.resolve import demonyms
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.people import describes_people, is_person
from counterpoise.counterfactual.tokens import Document


class _Mention(Protocol):
    @property
    def match(self) -> Match: ...
    @property
    def readings(self) -> list[Reading]: ...


AXES = frozenset({"religion", "nationality", "race-color"})
_ENTITY = re.compile(r"The ([A-Z][\w'’-]+(?: [A-Z][\w'’-]+)+) (?:is|are|was|were) (?:an?|the|one) ")
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
_AUTHOR = re.compile(r"\W*([A-Z][\w'-]+), [A-Z][\w.]+(?: [A-Z]\.)*,? ?(?:[\"“‘(]|\d)")
_MANY = frozenset({"persons", "people"})
_WHERE = frozenset(
    {"in", "to", "at", "from", "near", "through", "mr", "mrs", "ms", "dr", "los", "san", "st", "new"}
)
"""Words before a capital that make a place of it, or somebody without a first name."""
_TALK = frozenset(["me", "my", "mine", "we", "us", "our", "you", "your", "im", "ive"])


def report_reason(document: Document, axis: str, mentions: Sequence[_Mention]) -> str | None:
    """Why ``axis`` is left alone in a text that reports facts about groups, or ``None``."""
    if _cites(document):
        return "fact: a list of works"
    if axis == "gender" and _titled(document):
        return "fact: the title of a work"
    if axis == "gender" and any(_many(item) for item in mentions):
        return _history(document)
    if axis == "gender" and not _talks(document) and (year := _OLD_YEAR.search(document.text)):
        return f"fact: history: {year.group()}"
    if axis not in AXES:
        return None
    return _school(document, axis, mentions) or _history(document) or _doctrine(document, mentions)


def _talks(document: Document) -> bool:
    """Whether the writer speaks of himself or to somebody."""
    if not _TALK.isdisjoint(document.lower):
        return True
    return any(word == "i" and document.gap(at)[:1] != "." for at, word in enumerate(document.lower))


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
            if document.lower[at] in schools or politics:
                return f"fact: {document.raw(last)} {document.raw(at)} has a history of its own"
    return None


def _history(document: Document) -> str | None:
    """An event with its date, where nobody speaks of himself."""
    if _talks(document):
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
    reason = _report(document, axis, mentions, refusals) if _formal(document) else None
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


def _formal(document: Document) -> bool:
    """A long or unfinished text in which nobody speaks of himself."""
    text = document.text
    unfinished = len(document) >= 7 and text[-1].isalnum() and text[0].isupper()
    return (len(document) >= 12 or unfinished) and not _talks(document) and not headline(document)


def _report(
    document: Document, axis: str, mentions: Sequence[_Mention], refusals: Sequence[Refusal]
) -> str | None:
    """Why a formal text is a report on something known: its names, a thing of a people, a faith."""
    named = _named(document, {item.match.first for item in mentions}, refusals)
    if named is not None:
        return f"fact: a report on {named}"
    if axis == "gender" and len(mentions) == 1 and mentions[0].readings[0].slot == "name":
        return "fact: a report on somebody who is known by that name"
    for item in mentions if axis in AXES else ():
        reading, match = item.readings[0], item.match
        thing = _is_adjective(document, item) and describes_people(
            document, match.first, match.last, nominal=False
        )
        if thing or reading.concept.rule == "faiths":
            return f"fact: a report on what is {document.raw(match.last)}"
    return None


def _is_adjective(document: Document, mention: _Mention) -> bool:
    """Whether the term is an adjective here, where it may be a noun: "Christian art", but "a Christian"."""
    slots = frozenset(reading.slot for reading in mention.readings)
    use, _ = demonyms.use(document, mention.match.first, mention.match.last, slots)
    return use == "adjective" and "adjective" in slots


def _named(document: Document, terms: Set[int], refusals: Sequence[Refusal]) -> str | None:
    """A name that no list holds, if the text has one."""
    for index in range(1, len(document)):
        raw = document.raw(index)
        if not raw.istitle() or len(raw) < 3 or document.lower[index] in vocabulary() or index in terms:
            continue
        if any(item.start <= document.starts[index] < item.end for item in refusals):
            continue
        if not document.opens_sentence(index) and document.previous_word(index) not in _WHERE:
            return raw
    return None


def _doctrine(document: Document, mentions: Sequence[_Mention]) -> str | None:
    """ "In Islam, knowledge is …": a faith as a teaching, and no person in the text."""
    faiths = [item.match for item in mentions if item.readings[0].concept.rule == "faiths"]
    for match in faiths:
        before = document.previous_word(match.first)
        following = document.lower[match.last + 1 : match.last + 3]
        acts = document.next_word(match.last) in words("teaches") or following == ["is", "the"]
        if acts or before in words("branch") or _named_branch(document, match.first):
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
    if (word in words("person_pronoun") and word != "being") or is_person(word):
        return True
    return word in words("first_names") and document.raw(at)[:1].isupper()
