"""Reasons to leave a whole text alone that no single term shows: an animal's pronouns, a prince of a country."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.phrases import ends_phrase
from counterpoise.counterfactual.tokens import Document


class _Mention(Protocol):
    @property
    def match(self) -> Match: ...
    @property
    def readings(self) -> list[Reading]: ...


_ROMAN = re.compile(r"(?:II|III|IV|VI{0,3}|IX|XI{0,3}|XIV|XVI{0,3}|XV|XX?I{0,3})(?![\w-])")
_BORN = re.compile(
    r"\((?:born|b\.|née|c\.|\d{1,2} \w+ |\w+ \d{1,2}, )\s?.{0,40}?\d{4}|\(\d{4}\s?[–-]\s?\d{2,4}\)"
)
_SEX_TAG = re.compile(r"\b(?:[1-9]\d ?[FM]|[FM] ?[1-9]\d)\b")
"""\"(22F)\", as people introduce themselves in forums."""
_ENDINGS = ("man", "men", "girl", "girls", "boy", "boys", "maid", "maids")
_SUBJECT = frozenset({"he", "she", "himself", "herself", "hers"})
_POSSESSIVE = frozenset({"her", "his"})
_PRONOUNS = _SUBJECT | _POSSESSIVE | {"him"}


def stop_reason(document: Document, axis: str, mentions: Sequence[_Mention]) -> str | None:
    """Why ``axis`` is left alone in ``document``, or ``None``."""
    if axis != "gender":
        return None
    tag = _SEX_TAG.search(document.text)
    if tag:
        return f"fact: {tag.group()} says a sex"
    reason = _unpaired(document) or _ranked(document) or _called_bro(document, mentions)
    if reason is None and not _PRONOUNS.isdisjoint(document.lower):
        reason = _deity(document, mentions) or _thing_with_a_sex(document, mentions)
    return reason


def _unpaired(document: Document) -> str | None:
    """ "the tradesman" without a row: its pronoun would turn and the noun would not."""
    for index, word in enumerate(document.lower):
        if word.endswith(_ENDINGS) and len(word) > 5 and word not in words("not_gendered"):
            capital = document.raw(index)[:1].isupper() and not document.opens_sentence(index)
            if not capital and word not in words("paired"):
                return f"fact: unpaired: {document.raw(index)!r} says a sex and has no counterpart here"
    return None


def _called_bro(document: Document, mentions: Sequence[_Mention]) -> str | None:
    """ "Bro just texted me asking for his hoodie": no cry, but someone whom the pronoun means."""
    first = mentions[0].match.first
    acts = document.lower[0] in {"bro", "dude", "bruh"} and document.joined(0) and first > 0
    if not acts or document.lower[1] in words("cry_after") or document.lower[first] not in _PRONOUNS:
        return None
    return f"fact: unpaired: {document.raw(0)!r} says a sex and has no counterpart here"


def _ranked(document: Document) -> str | None:
    """ "Henry VIII", "Queen Anne", "the Duke of Kent", "Sister Agnes": one person, known by the title."""
    if document.text.isupper():
        return None
    ranked, monarchs = words("ranked"), words("monarchs")
    plain = document.text.isascii()
    for index, word in enumerate(document.lower):
        if word in ranked and document.joined(index):
            reason = _title_holder(document, index, word)
            if reason is not None:
                return reason
        if word in monarchs and _regnal(document, index + 1):
            return f"fact: {document.raw(index)} {document.raw(index + 1)} is a public person"
        if not plain and _foreign_name(document, index):
            return (
                f"fact: unpaired: {document.raw(index)!r} may be a first name that the lexicon does not have"
            )
    dated = "(" in document.text and _BORN.search(document.text)
    return "fact: a biography, of a real person" if dated else None


def _title_holder(document: Document, index: int, word: str) -> str | None:
    following = document.raw(index + 1)
    if word in words("ranked_of") and following == "of" and document.joined(index + 1):
        at = index + 3 if document.lower[index + 2 : index + 3] == ["the"] else index + 2
        holder = document.raw(at) if at < len(document) else ""
        if holder[:1].isupper() and not headline(document):
            return f"fact: the {word} of {holder} is a public person"
        return None
    named = document.raw(index)[:1].isupper() and following[:1].isupper() and document.gap(index) == " "
    thing = document.lower[index + 1] in words("entity_after") or any(
        document.lower[at] in words("entity_after") and document.raw(at)[:1].isupper()
        for at in range(index + 2, min(index + 4, len(document)))
        if document.joined(at - 1)
    )
    if (
        named
        and not thing
        and word in words("ranked_name")
        and document.lower[index + 1] not in words("function")
    ):
        known = word in words("royal") or not headline(document)
        return f"fact: {document.raw(index)} {following} is known by that title" if known else None
    return None


def _foreign_name(document: Document, index: int) -> bool:
    """ "Zoë lost her gloves": a capitalised word with an accent opens the sentence, a verb follows."""
    raw = document.raw(index)
    if raw.isascii() or not raw[0].isupper() or not document.opens_sentence(index):
        return False
    if document.lower[index] in words("first_names", "paired") or _PRONOUNS.isdisjoint(document.lower):
        return False
    after = document.next_word(index)
    return after in words("verb_finite", "perfect_past") or after.endswith("ed")


def _regnal(document: Document, index: int) -> bool:
    """Whether word ``index`` is the number of the monarch before it."""
    return document.joined(index - 1) and bool(_ROMAN.fullmatch(document.raw(index)))


def _deity(document: Document, mentions: Sequence[_Mention]) -> str | None:
    """ "God in His mercy": a pronoun with a capital inside a sentence that speaks of a deity."""
    if words("deity").isdisjoint(document.lower):
        return None
    starts = (mention.match.first for mention in mentions)
    capital = any(
        document.raw(index) in {"He", "Him", "His", "Himself"} and not document.opens_sentence(index)
        for index in starts
    )
    return "fact: deity: the pronoun has a capital" if capital and not headline(document) else None


def _thing_with_a_sex(document: Document, mentions: Sequence[_Mention]) -> str | None:
    """ "The cow licked her calf", "My dog Max ate his dinner", "the ship lost her mast": no person is meant."""
    first_person = min(
        (mention.match.first for mention in mentions if _human(document, mention)), default=len(document)
    )
    for index, word in enumerate(document.lower):
        praised = word in {"boy", "girl", "boi"} and document.previous_word(index) in {
            "good",
            "goodest",
            "best",
        }
        if praised and not words("animal").isdisjoint(document.lower):
            return f"not-people: {document.raw(index)!r} may be an animal"
    for index in _bearers(document):
        if index > first_person or any(_is_person(document, at) for at in range(index)):
            return None
        kind = "animal" if document.lower[index] in words("animal") else "vessel"
        for at in range(index + 1, len(document)):
            if _speaks_of_it(document, index, at, kind):
                return f"not-people: {document.raw(at)!r} may be the {document.lower[index]}'s"
    return None


def _bearers(document: Document) -> Iterator[int]:
    """The animals, vessels and realms of the text that a pronoun may stand for."""
    known = words("bearer_before")
    for index, word in enumerate(document.lower):
        before = document.previous_word(index)
        if index and document.raw(index)[:1].isupper() and word not in words("realm"):
            continue
        if word in words("animal"):
            if not index or before in known or document.previous_word(index - 1) in known:
                yield index
        elif before not in words("preposition") and _is_vessel(document, index, word):
            yield index


def _is_vessel(document: Document, index: int, word: str) -> bool:
    return word in words("vessel") or (word in words("realm") and document.raw(index)[:1].isupper())


def _human(document: Document, mention: _Mention) -> bool:
    """Whether a mention is surely a person: not a pronoun after the animal, not the animal's own name."""
    index = mention.match.first
    if document.lower[index] in _PRONOUNS:
        return True
    return document.previous_word(index) not in words("animal")


def _is_person(document: Document, index: int) -> bool:
    word = document.lower[index]
    return word in words("person") or (word in words("first_names") and document.raw(index)[:1].isupper())


def _speaks_of_it(document: Document, bearer: int, at: int, kind: str) -> bool:
    """Whether the pronoun at ``at`` may stand for the animal or vessel at ``bearer``."""
    word = document.lower[at]
    if word in _SUBJECT:
        return kind == "animal" or word in {"she", "herself", "hers"}
    if word not in _POSSESSIVE or ends_phrase(document, at) or at + 1 >= len(document):
        return False
    thing = document.lower[at + 1]
    if kind == "vessel":
        return word == "her" and thing not in words("paired", "function") | words("possessed") | words(
            "bring_to"
        )
    named = document.raw(bearer + 1)[:1].isupper() if document.joined(bearer) else False
    return named or any(other in words("of_animals") for other in document.lower[at + 1 : at + 4])
