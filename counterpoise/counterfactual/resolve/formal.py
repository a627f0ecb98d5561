"""What an encyclopaedia says of known things: a swap would make it false, though no single word shows it.

A text is read that way when nobody in it speaks of himself and it is long, or breaks off. It is left alone where it
names a thing or somebody whom no list holds, and, for words of faith, nation and colour, where it reads like a report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.records import Refusal
from counterpoise.counterfactual.resolve import demonyms
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.manner import (
    GROUPS,
    PERSON,
    SHORT,
    Mention,
    breaks_off,
    is_fragment,
    manner_reason,
    unfinished,
)
from counterpoise.counterfactual.resolve.people import describes_people
from counterpoise.counterfactual.resolve.proper import (
    initials,
    long_name,
    name_of_its_own,
    named_beside_a_noun,
)
from counterpoise.counterfactual.resolve.register import is_ordinary
from counterpoise.counterfactual.resolve.talk import talks
from counterpoise.counterfactual.tokens import Document

_TITLE = re.compile(
    r"^[\"“][^\"“”]*[^.!?,\"“”][\"”][.,;]?\s*$|^[\"“][^\"“”]+: [^\"“”]+[\"”]?[.,;]?\s*$"
    r"|^[\"“][^\"“”]*[^.!?,\"“”\s]\s*$|^\W*\),? [A-Z]|^\W*\d+[–-]\d+\)"
)
"""A title in quotation marks, perhaps cut off; the rest of a reference."""
_OPEN_QUOTE = re.compile(r"[\"“][^\"“”]*[^.!?…,\"“”\s]\s*$")
_BEFORE_A_SURNAME = re.compile(r"\b(?:M[rs]|Mrs|Miss|Dr)\.? $")
_RECORD = frozenset({"first", "only", "last", "youngest", "oldest", "best", "top"})
_AFTER_POLITICS = frozenset({"who", "also", "have", "has", "and", "or"})
_GODS = frozenset({"god", "gods"})
_ARRIVING = ("come", "came", "arriv", "mov", "emigrat", "immigrat", "fled", "flew")
_BODIES = frozenset({"government", "governments", "team", "teams", "army", "armies", "police"})


def formal_reason(
    document: Document, axis: str, mentions: Sequence[Mention], refusals: Sequence[Refusal]
) -> str | None:
    """Why ``axis`` is left alone in a text that reads like an encyclopaedia's, or ``None``."""
    if _is_quoted(document) or (axis in GROUPS and _is_title(document, mentions)):
        return "fact: the title of a work"
    if (named := initials(document)) is not None:
        return f"fact: a report on {named}"
    if talks(document):
        return _on(named_beside_a_noun(document)) if axis == "gender" else None
    if is_ordinary(document):
        return _in_ordinary_text(document, axis, mentions, refusals)
    return _in_formal_text(document, axis, mentions, refusals)


def _on(name: str | None) -> str | None:
    return f"fact: a report on {name}" if name else None


def _in_formal_text(
    document: Document, axis: str, mentions: Sequence[Mention], refusals: Sequence[Refusal]
) -> str | None:
    """Why ``axis`` is left alone where neither the writer nor the manner shows ordinary text."""
    if unfinished(document) and any(_goes_on(document, item) for item in mentions):
        return "fact: the text breaks off, and the name or phrase may go on"
    if headline(document) and SHORT // 2 < len(document) <= SHORT and not breaks_off(document):
        return None
    return _report(document, axis, mentions, refusals)


def _in_ordinary_text(
    document: Document, axis: str, mentions: Sequence[Mention], refusals: Sequence[Refusal]
) -> str | None:
    """Why ``axis`` is left alone although people write so: a long name, the gods of a faith, a count."""
    if axis == "gender" and (named := long_name(document, refusals)) is not None:
        return _on(named)
    return _on_gods(document, mentions) or (_counted(document) if axis in GROUPS else None)


def _on_gods(document: Document, mentions: Sequence[Mention]) -> str | None:
    gods = any(document.lower[item.match.first] in _GODS for item in mentions)
    return "fact: the gods of a faith" if gods else None


def _counted(document: Document) -> str | None:
    counted = {"percent", "population", "populations"}.intersection(document.lower)
    if counted or "%" in document.text:
        return f"fact: a report on a group: {min(counted, default='%')!r}"
    return None


def _is_quoted(document: Document) -> bool:
    """Whether all of it is a title in quotation marks, perhaps cut off, or the rest of a reference."""
    if document.text[:1].isalpha():
        return document.text.startswith("n.d.")
    whole = len(document) > 4 and _TITLE.search(document.text)
    return bool(whole or _OPEN_QUOTE.match(document.text))


def _is_title(document: Document, mentions: Sequence[Mention]) -> bool:
    """ "The Danish Dictionary of Terms": capitals throughout, and a thing."""
    return headline(document) and any(_is_of_a_thing(document, item) for item in mentions)


def _report(
    document: Document, axis: str, mentions: Sequence[Mention], refusals: Sequence[Refusal]
) -> str | None:
    groups = axis in GROUPS
    formal = is_fragment(document) or len(document) > (SHORT // 2 if groups else SHORT)
    terms = {item.match.first for item in mentions}
    named = name_of_its_own(document, terms, axis == "gender") if formal else long_name(document, refusals)
    if named is not None:
        return f"fact: a report on {named}"
    if (manner := manner_reason(document, axis, mentions)) is not None:
        return manner
    if (gods := _on_gods(document, mentions)) is not None:
        return gods
    if groups:
        return _of_a_group(document, mentions, refusals) if formal else _of_a_term(document, mentions)
    return _of_somebody(document, mentions, refusals) if axis == "gender" else None


def _of_a_term(document: Document, mentions: Sequence[Mention]) -> str | None:
    """Why a short text is a report all the same: a country, or what a word means."""
    if any(document.previous_word(item.match.first) in {"term", "word"} for item in mentions):
        return "fact: what a word means"
    return next(filter(None, (_of_a_country(document, item) for item in mentions)), None)


def _goes_on(document: Document, mention: Mention) -> bool:
    """ "… has influenced various American", "an interview with the blogger Aaron": the text ends with the term."""
    last, slots = mention.match.last, {reading.slot for reading in mention.readings}
    if document.lower[last + 1 :] not in ([], ["de"], ["von"], ["van"]):
        return False
    bare = mention.readings[0].axis in GROUPS and "singular" in slots
    if bare and not {"a", "an"}.isdisjoint(document.lower[max(mention.match.first - 2, 0) : last]):
        return False
    if slots.isdisjoint({"adjective", "name"}) and not (
        bare and document.previous_word(mention.match.first) not in words("determiner", "copula") - {"both"}
    ):
        return False
    if document.gap(len(document) - 1).strip() or document.gap(last).strip():
        return False
    return "name" in slots or document.previous_word(mention.match.first) not in words("copula", "degree") - {
        "both"
    }


def _of_somebody(document: Document, mentions: Sequence[Mention], refusals: Sequence[Refusal]) -> str | None:
    """Why a formal text is about a person that readers know, or claims a first of its sex."""
    if not (len(document) > SHORT or (is_fragment(document) and len(document) > 4) or breaks_off(document)):
        return None
    names = [item for item in mentions if item.readings[0].slot == "name"]
    if any(document.next_word(item.match.last) in words("scholarly") for item in names):
        return "fact: an author who is cited"
    once = len({document.lower[item.match.first] for item in mentions}) == 1
    if names and (once or breaks_off(document)):
        return "fact: a report on somebody who is known by that name"
    if any(_bears_a_name(document, item) for item in refusals):
        return "fact: a report on something that bears a name"
    for item in mentions:
        noun = item.readings[0].concept.rule != "pronouns"
        if noun and document.previous_word(item.match.first) in _RECORD:
            return f"fact: who was the {document.lower[item.match.first - 1]}"
    return None


def _bears_a_name(document: Document, refusal: Refusal) -> bool:
    named = refusal.code in {"entity", "surname"} and refusal.term[:1].isupper()
    titled = _BEFORE_A_SURNAME.search(document.text[: refusal.start])
    return named and not titled and refusal.term.lower() not in words("deity")


def _of_a_group(document: Document, mentions: Sequence[Mention], refusals: Sequence[Refusal]) -> str | None:
    """Why a text on a faith, nation or colour is a report: a thing of a people, a count, a country."""
    reasons = (_of_one(document, item) for item in mentions)
    return next(filter(None, reasons), None) or _from_afar(document, mentions, refusals)


def _of_one(document: Document, item: Mention) -> str | None:
    """Why one term shows that the text is a report."""
    rule, match = item.readings[0].concept.rule, item.match
    term, nobody = document.raw(match.last), PERSON.isdisjoint(document.lower)
    if (country := _of_a_country(document, item)) is not None:
        return country
    long = len(document) > SHORT or is_fragment(document)
    if long and ((nobody and rule in {"faiths", "feasts"}) or _is_of_a_thing(document, item)):
        return f"fact: a report on what is {term}"
    if item.readings[0].slot == "adjective" and _is_politics(document, match.last):
        return f"fact: {term} {document.lower[match.last + 1]} is a movement"
    return "fact: a report on a group within another" if nobody and _is_half(document, item) else None


def _of_a_country(document: Document, item: Mention) -> str | None:
    """ "Rice came from India": a country, and nobody of whom it is said."""
    countries = item.readings[0].concept.rule == "countries"
    if countries and PERSON.isdisjoint(document.lower) and not _comes_from(document, item.match.first):
        return f"fact: a report on {document.raw(item.match.last)}"
    return None


def _from_afar(document: Document, mentions: Sequence[Mention], refusals: Sequence[Refusal]) -> str | None:
    """Why the text as a whole is a report: it counts, it speaks of things elsewhere, in learned words."""
    counted = words("reported").intersection(document.lower)
    if (counted or "%" in document.text) and PERSON.isdisjoint(document.lower):
        return f"fact: a report on a group: {min(counted, default='%')!r}"
    groups = {reading.group for item in mentions for reading in item.readings}
    elsewhere = any(item.code == "place" for item in refusals) or len(groups) > 1
    if elsewhere and any(_is_of_a_thing(document, item) for item in mentions):
        return "fact: a report on things of several nations"
    if any(item.reason.endswith("of that descent") for item in refusals):
        return "fact: a report on people of two nations"
    return "fact: a report on a group" if breaks_off(document) else None


def _is_of_a_thing(document: Document, mention: Mention) -> bool:
    """Whether the text has nobody in it and the term describes a thing: "African dust", "Islamic law"."""
    match = mention.match
    somebody = not PERSON.isdisjoint(document.lower) or not _BODIES.isdisjoint(document.lower)
    if somebody or not _is_adjective(document, mention):
        return False
    return describes_people(document, match.first, match.last, nominal=False) is not None


def _is_half(document: Document, mention: Mention) -> bool:
    """ "Indian Sikhs", "the term Sikh"; an American of some faith may be anybody."""
    match = mention.match
    before, after = document.previous_word(match.first), document.next_word(match.last)
    nation = mention.readings[0].axis == "nationality" and document.lower[match.last] != "american"
    return (mention.readings[0].axis == "religion" and before in words("descent") - {"american"}) or (
        nation and after in words("faith")
    )


def _comes_from(document: Document, first: int) -> bool:
    """ "a man from Mexico", "they are from Kenya"; not "an opera from Turkey"."""
    before = document.lower[first - 2] if first > 1 else ""
    someone = before in words("person", "copula", "person_pronoun") or before.startswith(_ARRIVING)
    return document.previous_word(first) == "from" and someone


def _is_politics(document: Document, last: int) -> bool:
    """ "the Christian left who …", "the Christian right supports …"; but "the Hindu left the temple"."""
    if document.next_word(last) not in {"left", "right"}:
        return False
    after = document.next_word(last + 1)
    if last + 2 == len(document) and unfinished(document):
        return True
    acts = after in words("verb_finite", "copula") | _AFTER_POLITICS or after.endswith(("ly", "s"))
    return (acts or after in words("verb_base")) and after not in words("determiner")


def _is_adjective(document: Document, mention: Mention) -> bool:
    """Whether the term is an adjective here, where it may be a noun: "Christian art", but "a Christian"."""
    slots = frozenset(reading.slot for reading in mention.readings)
    use, _ = demonyms.use(document, mention.match.first, mention.match.last, slots)
    return use == "adjective" and "adjective" in slots
