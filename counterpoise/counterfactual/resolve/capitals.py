"""A common word with a capital inside a sentence belongs to a title or a name: "Slumdog Millionaire", "Kid Cudi"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.tokens import Document

_SQUARE = re.compile(r"\b[a-h][1-8]\b")
_WHERE = frozenset({"in", "from", "of", "to", "near"})
_USED_AS_NAMES = frozenset({"pronouns", "kin", "titles", "address", "roles"})
"""Rules whose words are written with a capital when they stand for a name: "Dad said", "Queen Anne"."""


def title_reason(  # noqa: PLR0911 - an ordered list of decisions
    document: Document, match: Match, readings: Sequence[Reading]
) -> str | None:
    """Why the capital of a common word makes it part of a title; ``None`` if it does not."""
    reading = readings[0]
    if reading.kind == "common" and _after_a_capital(document, match.first):
        return "entity: a capitalised title"
    if _in_queens(document, match):
        return "entity: a place"
    if reading.kind == "common" and reading.concept.rule == "kin" and _family_firm(document, match, reading):
        return "entity: a capital inside a sentence, part of a title or name"
    thing = reading.kind == "common" and reading.concept.rule != "pronouns" and len(match.entry.words) == 1
    reason = _named_thing(document, match, reading) if thing else None
    if (
        reason is None
        and thing
        and reading.concept.rule not in _USED_AS_NAMES
        and _in_capitals(document, match)
    ):
        reason = "entity: part of a proper name"
    if reason is not None:
        return reason
    if reading.kind != "common" or reading.concept.rule in _USED_AS_NAMES - {"roles"}:
        return None
    if thing and _before_a_name(document, match):
        return "entity: a capital before a name"
    if reading.concept.rule == "roles" and _stands_for_a_name(document, match):
        return "entity: a name"
    if reading.concept.rule == "roles":
        return "surname: follows a first name" if _after_a_first_name(document, match, reading) else None
    raw = document.raw(match.last)
    if not raw[:1].isupper() or raw.isupper() or document.opens_sentence(match.first):
        return None
    return None if headline(document) else "entity: a capital inside a sentence, part of a title or name"


def _in_capitals(document: Document, match: Match) -> bool:
    """ "Youth Alliance", "Women Council": the word has a capital, and so has what ends the name."""
    last = match.last
    if not document.raw(match.first)[:1].isupper() or document.text.isupper() or not document.joined(last):
        return False
    return document.raw(last + 1)[:1].isupper() and document.lower[last + 1] in words("entity_after")


def _before_a_name(document: Document, match: Match) -> bool:
    """ "Guy Oliver", "Boy George", "Duke Ellington": a name begins with the word."""
    first = match.first
    following = document.raw(match.last + 1) if document.joined(match.last) else ""
    tied = document.raw(first)[:1].isupper() and following.istitle() and len(following) > 1
    return (
        tied
        and (following.lower() not in vocabulary() or following.lower() in words("first_names"))
        and not headline(document)
    )


def _after_a_first_name(document: Document, match: Match, reading: Reading) -> bool:
    """ "Ariel Winter Workman": a capital, and a name with a capital right before it."""
    first = match.first
    before = document.previous_word(first)
    tied = before and document.raw(first)[:1].isupper() and document.raw(first - 1).istitle()
    name = before in words("first_names") or (before not in vocabulary() and len(before) > 2)
    return bool(tied) and name and reading.slot == "singular" and not headline(document)


def _after_a_capital(document: Document, first: int) -> bool:
    """ "How I Killed My Father": inside a sentence a small word with a capital stands right before it."""
    if not document.previous_word(first) or not document.raw(first)[:1].isupper() or document.text.isupper():
        return False
    small = document.lower[first - 1] in words("determiner") and document.raw(first - 1).istitle()
    return (
        small
        and len(document.raw(first - 1)) > 1
        and not document.opens_sentence(first - 1)
        and not headline(document)
    )


def _stands_for_a_name(document: Document, match: Match) -> bool:
    """ "Much like Prince.": a capital inside a sentence, no article before it and no name after it."""
    first, before = match.first, document.previous_word(match.first)
    if (
        not document.raw(first).istitle()
        or not before
        or document.opens_sentence(first)
        or headline(document)
    ):
        return False
    if (
        before in words("determiner", "modifier", "adjective", "titles")
        or document.raw(first - 1)[:1].isupper()
    ):
        return False
    following = document.raw(match.last + 1) if document.joined(match.last) else ""
    return not following[:1].isupper() and following not in {"of", "and"}


def _in_queens(document: Document, match: Match) -> bool:
    """ "in Queens" is in New York."""
    return document.raw(match.first) == "Queens" and document.previous_word(match.first) in _WHERE


def _family_firm(document: Document, match: Match, reading: Reading) -> bool:
    """ "Marx Brothers", "Lane Sisters", "the Harlow brothers"."""
    first = match.first
    if reading.slot != "plural" or not document.previous_word(first) or document.text.isupper():
        return False
    before = document.lower[first - 1]
    named = document.raw(first - 1)[:1].isupper() and before not in words("function")
    family = before not in vocabulary() and not document.opens_sentence(first - 1)
    return named and (family or document.raw(first)[:1].isupper()) and not headline(document)


def headline(document: Document) -> bool:
    """Whether nearly all words but the small ones have capitals anyway."""
    if document.capitals_everywhere is None:
        document.capitals_everywhere = _in_capitals_throughout(document)
    return document.capitals_everywhere


def _in_capitals_throughout(document: Document) -> bool:
    starts = [
        start
        for start, word in zip(document.starts, document.lower, strict=True)
        if (word not in words("function") or word == "won") and len(word) > 1
    ]
    return len(starts) > 2 and sum(document.text[start].isupper() for start in starts) > 0.9 * len(starts)


def _named_thing(document: Document, match: Match, reading: Reading) -> str | None:  # noqa: PLR0911 - an ordered list
    """ "Queen Street", "the King's Speech", "the Sacramento Kings", "Queen played Wembley", a queen on d4."""
    first, last = match.first, match.last
    possessor = document.opens_sentence(first) and document.gap(last)[:1] in {"'", "’"}
    if possessor and document.lower[first] in {"duke", "baron"}:
        return "entity: a name"
    if (
        document.previous_word(first) in {"band", "group", "duo", "trio"}
        and document.raw(first)[:1].isupper()
    ):
        return "entity: a band or a name"
    royal = document.lower[last] in words("royal") | {"kings", "queens"}
    if royal and not words("chess").isdisjoint(document.lower):
        return "not-people: a piece of chess"
    if royal and _SQUARE.search(document.text):
        return "not-people: a piece of chess"
    if not document.raw(first)[:1].isupper() or document.text.isupper():
        return None
    if reading.concept.rule == "roles" and reading.slot == "plural" and not document.opens_sentence(first):
        return None if headline(document) else "entity: a team or band"
    at, owner = last + 1, False
    if document.gap(last)[:1] in {"'", "’"} and document.lower[at : at + 1] == ["s"]:
        at, owner = at + 1, True
    tied = at < len(document) and document.joined(at - 1) and document.raw(at)[:1].isupper()
    further = at + 1 < len(document) and document.joined(at) and document.raw(at + 1)[:1].isupper()
    place = document.lower[at] in words("entity_after") if tied else False
    place = place or (tied and further and royal and document.lower[at + 1] in words("entity_after"))
    if place and (not owner or not headline(document)):
        return "entity: part of a proper name"
    if tied and owner and reading.concept.rule != "kin" and not headline(document):
        return None if document.lower[at] in words("function", "first_names") else "entity: part of a title"
    if (
        royal
        and document.opens_sentence(first)
        and document.next_word(last) in words("verb_finite", "brand_verbs", "band_verbs")
    ):
        return "entity: a band or a name"
    return _opens_a_title(document, first, last)


def _opens_a_title(document: Document, first: int, last: int) -> str | None:
    """ "Girl with a Pearl Earring hangs": no article, and capitals go on."""
    after = document.next_word(last)
    titled = after in words("preposition") and document.raw(last + 1).istitle()
    if titled and document.raw(first).istitle() and not headline(document):
        return "entity: a capitalised title"
    if not document.opens_sentence(first) or after not in {"with", "on"} or headline(document):
        return None
    for at in range(last + 1, min(last + 5, len(document))):
        if not document.joined(at - 1):
            return None
        if document.raw(at)[:1].isupper():
            named = document.lower[at] in words("first_names") and document.lower[at - 1] not in {
                "a",
                "an",
                "the",
            }
            return None if named else "entity: a capitalised title"
        if document.lower[at] not in words("function"):
            return None
    return None
