"""Names the lexicon cannot swap: a first name with a surname, the opening of a biography, a name it does not have."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache

from counterpoise.counterfactual.english import unpaired_names, vocabulary, words
from counterpoise.counterfactual.records import Refusal
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.tokens import Document

_SMALL = frozenset(
    ["van", "von", "de", "del", "della", "der", "den", "di", "da", "bin", "ibn", "al", "la", "le"]
)
_NICKNAME = re.compile(r"[A-Z][a-z]+ [\"“][A-Z][\w' .]{1,24}[\"”] [A-Z][a-z]+")
_BRACKETED = re.compile(r"\((?P<first>[A-Z][a-z]+)\) [A-Z][a-z]+")
_EXPLAINED = re.compile(r"\b(?P<name>[A-Z][a-z]+) \((?:the|an?) (?P<who>[a-z]+)\)")
_TOLD = frozenset({"is", "was"})
_APPOSED = frozenset(["also", "known", "who", "born", "better", "a", "an"])
_SURNAMES = frozenset(
    {"hall", "park", "lane", "banks", "church", "castle", "house", "field", "fields", "woods", "rivers"}
)
"""Words of places that are surnames as well."""
_OWN = frozenset({"he", "she", "his", "her", "himself", "herself"})
_LEADING = (
    *(
        "function",
        "english",
        "surname_titles",
        "titles",
        "time_noun",
        "kin_titles",
        "determiner",
        "preposition",
    ),
    *("weekday", "name_months", "vocative_before", "descent", "faith", "states", "modifier", "verb_finite"),
)
_ORDINARY = (
    "person",
    "adjective",
    "verb_base",
    "things",
    "entity_before",
    "entity_after",
    "royal",
    *_LEADING,
)


def full_name_reason(document: Document, refusals: Sequence[Refusal]) -> str | None:
    """Why the text speaks of one known person, or ``None``.

    A run of capitalised words counts that holds a first name of the lexicon ("Mary Smith", "Perry B. Jackson",
    "Lavoy Allen"), that a biography opens with ("Sunset Carson was an …"), or that no list holds and that acts in a
    clause ("In 2016 Rich Homie Quan made …").

    Args:
        refusals: what was refused already is no person's name.
    """
    if document.text.isupper():
        return None
    held = [
        item
        for item in refusals
        if item.code in {"entity", "not-a-name"} and not item.reason.endswith("an article")
    ]
    starts = document.starts
    refused = {
        at for item in held for at in range(bisect_left(starts, item.start), bisect_left(starts, item.end))
    }
    head = headline(document)
    nickname = ('"' in document.text or "“" in document.text) and _NICKNAME.search(document.text)
    if nickname:
        return f"fact: {nickname.group()} may be a real person"
    for start, last in _runs(document):
        first = _after_titles(document, start, last)
        inside = range(first, last + 1)
        known = [at for at in inside if at not in refused and _is_name(document, at)]
        if first == last or (not known and (head or not refused.isdisjoint(inside))):
            spoken_of = first < last and _named_like_a_place(document, first, last)
        else:
            spoken_of = (
                _with_surname(document, known, last, head) if known else _acts(document, start, first, last)
            )
        if spoken_of or _opens_biography(document, start, last):
            return f"fact: {document.raw(min(first, last - 1))} {document.raw(last)} may be a real person"
    bracketed = "(" in document.text and _bracketed_name(document)
    return f"fact: {bracketed} may be a real person" if bracketed else None


def _bracketed_name(document: Document) -> str | None:
    """ "(Molly) Harrow", "Harrow (the actress)"."""
    found = _BRACKETED.search(document.text)
    if found and found["first"].lower() in words("first_names"):
        return found.group()
    found = _EXPLAINED.search(document.text)
    return found["name"] if found and is_person(found["who"]) else None


def _named_like_a_place(document: Document, first: int, last: int) -> bool:
    """ "Jerry Hall", "Jay Park": two words, and no preposition or article stands before them."""
    plain = last == first + 1 and document.lower[first] in words("first_names") - words("name_places")
    if not plain or document.lower[last] not in _SURNAMES or headline(document):
        return False
    return document.previous_word(first) not in words("preposition", "determiner")


def _runs(document: Document) -> Iterator[tuple[int, int]]:
    """First and last word of each run of two capitalised words or more, initials and "van", "ibn" inside."""
    index = 0
    while index < len(document):
        last = index
        if document.text[document.starts[index]].isupper():
            last = _run_end(document, index)
            if last > index:
                yield index, last
        index = last + 1


def _run_end(document: Document, index: int) -> int:
    last = at = index
    while at + 1 < len(document) and _tied(document, at):
        at += 1
        if document.text[document.starts[at]].isupper():
            last = at
        elif document.lower[at] not in _SMALL:
            break
    return last


def _tied(document: Document, at: int) -> bool:
    gap = document.gap(at)
    short = document.ends[at] - document.starts[at] == 1 or document.lower[at] in {"st", "jr", "dr", "mt"}
    if gap == "-":
        return document.lower[at] in _SMALL or document.raw(at + 1)[:1].isupper()
    return gap == " " or (gap in {". ", "."} and short)


def _after_titles(document: Document, first: int, last: int) -> int:
    """The first word of the run that is not a title, an article or the sentence's own first word."""
    if document.opens_sentence(first) and document.lower[first].endswith("ly"):
        first += document.lower[first] not in words("first_names")
    while first < last and document.lower[first] in _opening():
        first += 1
    return first


@cache
def _opening() -> frozenset[str]:
    return words(*_LEADING) - words("first_names")


@cache
def _ordinary() -> frozenset[str]:
    return words(*_ORDINARY) - words("first_names")


def _opens_biography(document: Document, first: int, last: int) -> bool:
    """ "Sunset Carson was an American actor": whatever the words mean elsewhere."""
    if document.lower[last + 1 : last + 2] in (["jr"], ["sr"]):
        last += 1
    after = document.lower[last + 1 : last + 3]
    if not document.opens_sentence(first) or len(after) < 2 or document.gap(last).strip(" .,"):
        return False
    if document.lower[first] in words("function", "determiner", "titles", "kin_titles"):
        return False
    return after[0] in _TOLD and after[1] in {"a", "an", "the"}


def _is_name(document: Document, at: int) -> bool:
    word = document.lower[at]
    if word == "christian" or word not in words("first_names"):
        return False
    team = document.joined(at) and document.raw(at + 1).istitle() and document.lower[at + 1].endswith("s")
    return word not in words("name_places") or not (
        team or document.previous_word(at) in words("preposition")
    )


def _with_surname(document: Document, known: Sequence[int], last: int, head: bool) -> bool:
    """Whether the word beside a first name may be a surname; in a headline most words have a capital."""
    at = known[0] + 1 if known[0] < last else known[0] - 1
    if len(document.raw(at)) == 1 and at + 1 <= last:
        at += 1
    word = document.lower[at]
    if len(word) == 1 and word != "i" and document.raw(at).isupper() and document.gap(at)[:1] == ".":
        return True
    plain = words("function", "weekday", "months")
    if head:
        plain = words("function", "english", "verb_finite", "finite_more", "brand_verbs")
    return word not in plain or word in words("name_words")


def _acts(document: Document, start: int, first: int, last: int) -> bool:
    """Whether the words are the subject of a clause: a verb follows, no article or preposition stands before."""
    starts = (
        document.opens_sentence(first)
        or document.before(start).strip() == ","
        or document.previous_word(start) in words("clause_start")
    )
    inside = document.lower[first : last + 1]
    stage_name = inside[-1] in words("person") and inside[0] not in vocabulary()
    spoken_of = not {"he", "she", "his"}.isdisjoint(document.lower)
    stage_name = stage_name or (
        spoken_of and inside[-1] in words("entity_after") and inside[0] not in vocabulary()
    )
    if inside[0].endswith("ly") or not _ordinary().isdisjoint(inside[:-1] if stage_name else inside):
        return False
    verb = document.next_word(last)
    acts = verb in words("verb_finite") or verb in words("perfect_past") or verb.endswith("ed")
    if document.opens_sentence(first) and document.gap(last).startswith(", "):
        acts = document.lower[last + 1 : last + 2] != [] and document.lower[last + 1] in _APPOSED
    firm = verb in words("brand_verbs") and not spoken_of
    return starts and acts and not firm


def unknown_name(document: Document, people: Sequence[int]) -> str | None:
    """Why a text may speak of someone whose name the lexicon lacks, so that only pronouns would turn.

    "Disraeli justified his ideas": a capitalised word outside every list is the subject, and a pronoun that can only
    be the subject's comes after it. In "Google hired her" the pronoun is somebody else's.

    Args:
        people: the words that the swap would turn.
    """
    first = min(people, default=0)
    if not people or document.text.isupper() or document.lower[first] not in _OWN or headline(document):
        return None
    for index in range(first):
        if _names_someone(document, index):
            return f"fact: unpaired: {document.raw(index)!r} may be a name that the lexicon does not have"
    return None


def _names_someone(document: Document, index: int) -> bool:
    raw, word = document.raw(index), document.lower[index]
    known = word in vocabulary() and not (word in unpaired_names() and document.opens_sentence(index))
    if not raw[:1].isupper() or raw.isupper() or known or word.endswith("ly") or len(raw) < 3:
        return False
    title = index and document.raw(index - 1)[:1].isupper() and not document.opens_sentence(index)
    if title or document.lower[index - 1] == "s":
        return False
    if document.previous_word(index) in words("determiner", "preposition", "surname_titles"):
        return False
    verb = document.next_word(index)
    if document.opens_sentence(index):
        if verb in {"himself", "herself"} or (word in unpaired_names() and document.lower[index + 1] == "s"):
            return True
        own = not {"his", "himself"}.isdisjoint(document.lower) and verb not in words("brand_verbs")
        return not word.endswith("s") and (verb in words("perfect_past") or (own and verb.endswith("ed")))
    return (verb in words("verb_finite") or verb in words("perfect_past") or verb.endswith("ed")) and (
        verb not in words("brand_verbs")
    )
