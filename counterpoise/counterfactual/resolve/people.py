"""Whether a word of identity describes people: "a black man" does, "a black coat" does not."""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import ends_phrase
from counterpoise.counterfactual.tokens import Document


def describes_people(  # noqa: PLR0911 - an ordered list of decisions
    document: Document, first: int, last: int, nominal: bool
) -> str | None:
    """``None`` when the adjective at words ``first`` to ``last`` describes people, else why not.

    Args:
        nominal: whether "the" + the word is a usual name for the group, as in "the poor".
    """
    named = first > 0 and document.lower[first - 1] == "the" and document.joined(first - 1)
    if _half_of_a_pair(document, first, last):
        return None
    tied = document.gap(last) == "-" and last + 1 < len(document)
    if tied and document.lower[last + 1] in words("compound_suffix"):
        return None
    other = _another_sense(document, first, last)
    if other is not None:
        return other
    if _quoted_or_joint(document, first, last):
        return None
    if not ends_phrase(document, last) and "-" not in document.gap(last):
        after = document.lower[last + 1]
        if after in words("quantity") and document.lower[last].endswith("ed"):
            return "not-people: a verb here"
        if after not in words("function"):
            noun = _described(document, last + 1)
            if noun is None:
                return None
            if nominal and named and after in words("verb_base", "verb_finite"):
                return None
            if not (_copula(document, first) is not None and _not_a_noun(after)):
                code = "unsure" if noun and _may_be_a_person(noun) else "not-people"
                return f"{code}: describes {noun!r}"
    elif document.gap(last).strip() == "," and _described(document, last + 1) is None:
        return None
    if named:
        return _named_group(document, first, last, nominal)
    return _subject(document, first)


def _named_group(document: Document, first: int, last: int, nominal: bool) -> str | None:
    """ "the poor"; but "one of the oldest" may be a thing."""
    if document.lower[last].endswith("est") and document.previous_word(first - 1) == "of":
        return _subject(document, first - 2)
    return None if nominal else "not-people: no person named"


def _another_sense(document: Document, first: int, last: int) -> str | None:
    """ "pretty tall", "poor John"."""
    if document.lower[last + 1 : last + 3] in (["and", "new"], ["or", "new"]):
        return "not-people: old and new things"
    if document.lower[first] == "pretty" and document.next_word(last) in words("graded"):
        return "not-people: 'pretty' only says how much"
    if document.lower[first] == "poor" and says_pity(document, last):
        return "not-people: 'poor' only says pity"
    return None


def says_pity(document: Document, last: int) -> bool:
    """Whether "poor" in the place that ends at word ``last`` stands before a name: "poor John"."""
    return document.joined(last) and _first_name(document, last + 1)


def _quoted_or_joint(document: Document, first: int, last: int) -> bool:
    """ "the “black” man", "a rich and a poor man": the person comes after a quotation mark or another adjective."""
    if last + 1 >= len(document):
        return False
    gap = document.gap(last)
    if gap.endswith(" ") and gap.strip(" ") in {'"', "”", "’", "'"}:
        return _described(document, last + 1) is None
    before = document.previous_word(first)
    starts = before not in words("copula")
    if document.next_word(last) not in {"and", "or"} or not starts:
        return False
    at = last + 3 if document.lower[last + 2 : last + 3] in (["a"], ["an"], ["one"]) else last + 2
    return at < len(document) and document.lower[at] in words("modifier") and _described(document, at) is None


def _half_of_a_pair(document: Document, first: int, last: int) -> bool:
    """ "rich and poor", "young and old alike": the two name people when no noun follows."""
    if document.lower[last + 1 : last + 2] in (["and"], ["or"]) and document.joined(last):
        last, other = last + 2, document.lower[last + 2 : last + 3]
    elif first > 1 and document.previous_word(first) in {"and", "or"}:
        other = [document.lower[first - 2]]
    else:
        return False
    if not other or {document.lower[first], *other} not in _OPPOSITES:
        return False
    if ends_phrase(document, last):
        return True
    after = document.lower[last + 1]
    return after in words("function", "verb_finite") | {"alike"} or after.endswith("ed")


_OPPOSITES = (
    {"young", "old"},
    {"rich", "poor"},
    {"gay", "straight"},
    {"lesbian", "straight"},
    {"bisexual", "straight"},
    {"disabled", "abled"},
    {"blind", "sighted"},
    {"trans", "cis"},
    {"transgender", "cisgender"},
    {"fat", "thin"},
    {"wealthy", "poor"},
    {"elderly", "young"},
    {"older", "younger"},
    {"gay", "bisexual"},
)
_AGENT = re.compile(r"(?:[^aeiou]er|ist|ian|ologist|eer|ant|ents?|crat|ee|or)s?$")


def _may_be_a_person(noun: str) -> bool:
    """Whether an unknown noun looks like people: "liberals", "dancers", "activists"."""
    if noun in words("things") or len(noun) < 5:
        return False
    return bool(_AGENT.search(noun)) or noun.endswith(("als", "ives"))


def is_person(word: str) -> bool:
    """Whether a lower-case noun names people."""
    return word in words("person") or word.endswith(
        ("man", "men", "woman", "women", "people", "person", "mans")
    )


def _described(document: Document, index: int) -> str | None:
    """``None`` if a person noun heads the phrase at ``index``; else the thing that does."""
    if index >= len(document):
        return ""
    for at in range(index, min(index + 5, len(document))):
        word = document.lower[at]
        if is_person(word):
            return None
        if at == index and (
            _first_name(document, at) or word in {"mr", "mrs", "ms", "miss", "dr", "lady", "lord", "sir"}
        ):
            return None
        if word not in words("modifier") or not (
            document.joined(at) or document.gap(at).strip() in {"-", ","}
        ):
            return word
    return document.lower[index]


_PEOPLES = frozenset({"roman", "german", "christian"})


def _first_name(document: Document, index: int) -> bool:
    word = document.lower[index]
    return document.raw(index)[:1].isupper() and word in words("first_names") and word not in _PEOPLES


def _not_a_noun(word: str) -> bool:
    return word in words("verb_finite") or word in words("degree") or word.endswith(("ing", "ly"))


def _copula(document: Document, first: int) -> int | None:
    """The linking verb that the word at ``first`` completes; "as" links after "seen", "came out" and the like."""
    at = first - 1
    while at >= 0 and first - at <= 6 and document.gap(at).strip() in {"", ",", "-"}:
        word = document.lower[at]
        if word in words("copula"):
            return at
        if word == "as" and at and document.lower[at - 1] in words("seen_as"):
            return at - 1
        if word not in words("degree", "modifier") | _BETWEEN:
            break
        at -= 1
    return at if at >= 0 and document.lower[at] in {"s", "re", "m"} else None


def _between(word: str) -> bool:
    """Whether a word may stand between a subject and what is said of it: "Aaron finally came out as"."""
    known = words("function"), words("degree"), words("copula"), words("verb_finite")
    return word.endswith("ly") or any(word in group for group in known)


_BETWEEN = frozenset({"not", "t", "and", "or", "to", "up"})


def _subject(document: Document, first: int) -> str | None:  # noqa: PLR0911 - an ordered list of decisions
    """``None`` if the word is said of a person ("she is black"), else why not."""
    verb = _copula(document, first)
    asked = document.previous_word(first) in words("person_pronoun")
    if verb is None and asked and first > 1 and document.previous_word(first - 1) in words("copula"):
        return None
    if verb is None:
        before = document.previous_word(first)
        if before in words("degree") and first > 1:
            before = document.previous_word(first - 1)
        someone = before in {"someone", "anyone", "everyone", "somebody", "anybody", "everybody", "those"}
        return None if someone else "not-people: no person named"
    if document.lower[verb] in {"being", "m"}:
        return None
    for at in range(verb - 1, max(verb - 8, -1), -1):
        word = document.lower[at]
        if word in {"me", "him", "us", "them"} and document.previous_word(at) != "of":
            continue  # no subject: "the idea of having it with me became attractive"
        if word in words("states") and document.raw(at).istitle():
            return f"not-people: said of {word!r}"
        if word in words("person_pronoun") or is_person(word) or _first_name(document, at):
            return None
        if word in words("nominal") and document.previous_word(at) == "the":
            return None
        if at > 0 and document.raw(at).istitle() and word not in words("function"):
            return None
        if word in {"it", "itself", "this", "that", "what", "which"}:
            return f"not-people: said of {word!r}"
        if not (_between(word) or word in words("modifier")):
            return f"not-people: said of {word!r}"
    return "not-people: no person named"
