"""Whether a capitalised word is a first name here: "Rose rose", "May in May", "Amber Street"."""

from __future__ import annotations

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.resolve.entities import entity_reason
from counterpoise.counterfactual.resolve.things import thing_reason
from counterpoise.counterfactual.tokens import Document

_CITED = frozenset({"states", "argues", "notes", "writes", "contends", "suggests", "observes"})
"""Verbs before an author who is cited: "states Harvey, "."""
_JOINING = frozenset("-/_@#")
_NO_SIGN = frozenset({"her", "both", "all"})
_PEOPLES = frozenset({"christian", "roman", "german", "asia"})
"""Names that are mostly a faith, a people or a continent."""


def is_first_name(  # noqa: PLR0911 - an ordered list of decisions
    document: Document, index: int, name: str = ""
) -> str | None:
    """``None`` when word ``index`` is used as a first name, else why not.

    A reason that starts with ``ambiguous`` means that it could be one.

    Args:
        name: asks the same of another name in that place, in lower case.
    """
    raw, lower = document.raw(index), name or document.lower[index]
    if (
        not raw[:1].isupper()
        and not _acts_informally(document, index, lower)
        and not (document.informal and lower not in words("name_words", "name_nouns"))
    ):
        return "not-a-name: in lower case"
    if raw.islower() and not _stands_alone(document, index):
        return "not-a-name: in lower case"
    if index and (document.before(index)[-1:] in _JOINING or document.gap(index)[:1] in _JOINING):
        return "not-a-name: part of a compound"
    after = document.next_word(index)
    if after in words("determiner") and after not in _NO_SIGN and document.opens_sentence(index):
        return "not-a-name: a small word here"
    reason = entity_reason(document, index) or thing_reason(document, index, lower)
    if reason is not None:
        return reason
    if _is_surname(document, index, lower) or _named_before(document, index, lower):
        return "surname: follows a first name or a title"
    if document.lower[index] in words("name_places") and (
        _placed(document, index) or _of_people(document, index)
    ):
        return "not-a-name: a place"
    if lower in words("name_months") and _month(
        document, index, document.previous_word(index), document.next_word(index)
    ):
        return "not-a-name: a month"
    return _as_word(document, index, lower) if lower in words("name_words") else None


def _stands_alone(document: Document, index: int) -> bool:
    """Whether a name in lower case has no noun after it, and is no small word: "till", "avi videos"."""
    after = document.next_word(index)
    verb = after in words("verb_finite", "perfect_past", "finite_more", "verb_base") or after.endswith("ed")
    verb = verb or (after.endswith("s") and after[:-1] in words("verb_base"))
    called = document.previous_word(index) in words("vocative_before")
    plain = called or not after or verb or after in words("function", "first_names", "chat")
    return plain and document.lower[index] not in words("function")


def _acts_informally(document: Document, index: int, lower: str) -> bool:
    """ "tom lost his phone", in a text without capitals: a name that is a word too, with a verb after it."""
    if not document.informal or lower in words("name_words") or not document.opens_sentence(index):
        return False
    return document.next_word(index) in words("verb_finite", "perfect_past")


def _is_surname(document: Document, index: int, lower: str) -> bool:  # noqa: PLR0911 - an ordered list of decisions
    """Whether the word follows another capitalised name or a title."""
    if index == 0:
        return False
    gap, before = document.gap(index - 1), document.lower[index - 1]
    paired = (
        before == "and" and index > 1 and document.joined(index - 2) and document.raw(index - 2).istitle()
    )
    if paired and document.lower[index - 2] not in vocabulary():
        return True
    if before in _CITED and document.gap(index)[:1] in {",", "."}:
        return True
    titled = before in words("surname_titles") and document.raw(index - 1)[:1].isupper()
    if titled and gap.strip() in {"", "."} and not document.text.isupper():
        after = document.raw(index + 1) if document.joined(index) else ""
        full = after[:1].isupper() and after.lower() not in words("function")
        return not full and lower not in words("female_names")
    if gap.strip(" ") == "." and len(before) == 1:
        return True
    if not gap.isspace() or not document.raw(index - 1)[:1].isupper():
        return False
    if before in words("titles"):
        return False
    if before in words("first_names"):
        return True
    if index == 1:
        return before not in vocabulary() and not before.endswith(("ly", "ing", "ed", "s"))
    return before not in words("person") and before not in words("english", "function", "modifier")


def _named_before(document: Document, index: int, lower: str) -> bool:
    """ "The Danny Thomas stamp shows Thomas": the surname of a full name elsewhere in the text."""
    if document.lower.count(lower) < 2:
        return False
    for at in range(1, len(document)):
        if at == index or document.lower[at] != lower or not document.joined(at - 1):
            continue
        before = document.lower[at - 1]
        unknown = before not in vocabulary() and len(before) > 2
        named = (before in words("first_names") or unknown) and before not in words("titles")
        if named and document.raw(at - 1)[:1].isupper():
            return document.raw(at)[:1].isupper()
    return False


def _as_word(document: Document, index: int, lower: str) -> str | None:  # noqa: PLR0911 - an ordered list of decisions
    """For names that are also words: evidence for the name, else a refusal."""
    after = document.next_word(index)
    before = document.previous_word(index)
    if document.text.isupper():
        return "ambiguous: in capitals this may be a word"
    if document.lower[index + 1 : index + 2] == ["s"] and document.gap(index) in {"'", "’"}:
        return None
    if lower in _PEOPLES and after and after not in words("verb_finite"):
        return "not-a-name: a faith"
    if not document.opens_sentence(index):
        if lower in _PEOPLES and before in words(
            "modifier", "adjective", "adjectival", "degree_word", "things"
        ):
            return "not-a-name: a faith or people"
        if lower == "roman" and after not in words("verb_finite", "perfect_past"):
            return "ambiguous: a name or a people"
        return _mid_sentence(document, index, before)
    if lower in {"will", "may", "can"} and (
        after
        in words("person_pronoun", "person")
        | {"the", "a", "it", "this", "that", "my", "your", "god", "his", "her"}
        or not after
    ):
        return "not-a-name: a verb here"
    if lower in {"will", "may", "can"} and after in words("verb_base") - words("verb_finite") | {
        "have",
        "do",
        "be",
    }:
        return "not-a-name: a verb here"
    if lower in words("name_masses") and after in words("verb_of_things"):
        return "ambiguous: what the word means may be meant"
    if after in words("verb_finite") or after.endswith("ed") or _capitalised_next(document, index):
        return None
    if (
        after in {"and", "or"}
        and document.joined(index + 1)
        and document.lower[index + 2] in words("first_names")
    ):
        return None
    if document.gap(index).startswith(",") and index:
        return None
    return "ambiguous: opens the sentence and may be a word"


def _month(document: Document, index: int, before: str, after: str) -> bool:
    if before in words("months_places_before"):
        return True
    if any(sign.isdigit() for sign in document.before(index)):
        return True
    nobody = words("pronouns_of_people").isdisjoint(document.lower)
    others = (words("months") - {document.lower[index]}).intersection(document.lower)
    if nobody and others and before in {"than", "and", "or", "to", "through", "until"}:
        return True
    return nobody and after in {
        "is",
        "was",
        "has",
        "brings",
        "brought",
        "came",
        "comes",
        "will",
        "can",
        "feels",
        "marks",
        "ends",
        "begins",
    }


def _placed(document: Document, index: int) -> bool:
    """Whether "in Florence" or "Florence is famous for its museums" is the city."""
    before = document.previous_word(index)
    if len((words("states") - {document.lower[index]}).intersection(document.lower)) > 1:
        return True
    if before in {"and", "or"} and index > 1 and document.lower[index - 2] in words("states", "name_places"):
        return document.raw(index - 2)[:1].isupper() and _placed(document, index - 2)
    if before in {"in", "near", "through", "across", "around", "outside"}:
        return True
    if before in {
        "to",
        "from",
        "at",
        "of",
        "visit",
        "visited",
        "visiting",
        "leave",
        "left",
        "toward",
        "towards",
    }:
        return _moved(document, index) or before in {"visiting", "visited", "visit"}
    if before == "of" and document.lower[index] in words("states", "realm"):
        return words("pronouns_of_people", "person").isdisjoint(document.lower)
    after = document.next_word(index)
    return (after in words("copula", "verb_finite")) and _about_a_place(document, index)


def _of_people(document: Document, index: int) -> bool:
    """ "Alberta chiropractors", "Georgia voters": people of that place."""
    after = document.next_word(index)
    raw = document.raw(index + 1) if after else ""
    if not raw.islower() or not after.endswith("s") or len(after) < 4:
        return False
    return after in words("person") or (
        after not in words("verb_finite", "finite_more", "function") and after[:-1] not in words("verb_base")
    )


def _moved(document: Document, index: int) -> bool:
    """Whether a verb of motion or a place word comes before: "moved to Austin", "the mayor of Austin"."""
    return not words("to_places").isdisjoint(document.lower[max(index - 4, 0) : index])


def _about_a_place(document: Document, index: int) -> bool:
    return not words("about_places").isdisjoint(document.lower[index + 1 : index + 8])


def _mid_sentence(document: Document, index: int, before: str) -> str | None:
    if before in {"the", "a", "an", "his", "her", "their", "my", "our"}:
        return "not-a-name: after a determiner"
    return None


def _capitalised_next(document: Document, index: int) -> bool:
    return (
        document.joined(index) and document.raw(index + 1)[:1].isupper() and len(document.raw(index + 1)) > 1
    )
