"""Whether a capitalised word is a first name here: "Rose rose", "May in May", "Amber Street"."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.things import thing_reason
from counterpoise.counterfactual.tokens import Document


def is_first_name(  # noqa: PLR0911 - an ordered list of decisions
    document: Document, index: int, name: str = ""
) -> str | None:
    """``None`` when word ``index`` is used as a first name, else why not.

    A reason that starts with ``ambiguous`` means that it could be one.

    Args:
        name: asks the same of another name in that place, in lower case.
    """
    raw, lower = document.raw(index), name or document.lower[index]
    if not raw[:1].isupper() and not (
        document.informal and lower not in words("name_words") | words("name_nouns")
    ):
        return "not-a-name: in lower case"
    if (
        any(mark in document.before(index)[-1:] or mark in document.gap(index)[:1] for mark in "-/_@#")
        and index
    ):
        return "not-a-name: part of a compound"
    reason = _entity(document, index) or thing_reason(document, index, lower)
    if reason is not None:
        return reason
    if _is_surname(document, index, lower):
        return "surname: follows a first name or a title"
    if document.lower[index] in words("name_places") and _placed(document, index):
        return "not-a-name: a place"
    if lower in words("name_months") and _month(
        document, index, document.previous_word(index), document.next_word(index)
    ):
        return "not-a-name: a month"
    return _as_word(document, index, lower) if lower in words("name_words") else None


def _entity(document: Document, index: int) -> str | None:  # noqa: PLR0911 - an ordered list of decisions
    following = document.next_word(index)
    if document.gap(index).strip(" ")[:1].isdigit():
        return "entity: before a number"
    if following in words("entity_after") and document.raw(index + 1)[:1].isupper():
        return f"entity: {document.raw(index)} {document.raw(index + 1)}"
    if _with_epithet(document, index, following):
        return "entity: part of a proper name"
    if _in_a_state(document, index):
        return "not-a-name: a place"
    if document.gap(index) == " & " and document.lower[index + 1] not in words("first_names"):
        return "entity: part of a firm's name"
    possessive = document.lower[index + 1 : index + 3]
    named = len(possessive) == 2 and possessive[0] == "s" and possessive[1] in words("entity_after")
    if named and document.raw(index + 2)[:1].isupper():
        return "entity: part of a proper name"
    if document.previous_word(index) in {"st", "saint", "san", "santa", "lake", "mount", "fort", "port"}:
        return "entity: part of a proper name"
    if index and document.lower[index - 1] in {"st", "mt"} and document.gap(index - 1).strip() == ".":
        return "entity: part of a proper name"
    return None


def _in_a_state(document: Document, index: int) -> bool:
    """ "Elizabeth, New Jersey"."""
    if document.gap(index) != ", " or not document.raw(index + 1)[:1].isupper():
        return False
    state = document.lower[index + 1]
    if state == "new" and document.joined(index + 1):
        return document.lower[index + 2] in {"jersey", "york", "hampshire", "mexico"}
    return state in words("states")


def _with_epithet(document: Document, index: int, following: str) -> bool:
    """Whether it is "Jack the Ripper" or "Joan of Arc"."""
    if following not in {"the", "of"} or not document.joined(index + 1) or document.text.isupper():
        return False
    return document.raw(index + 1).islower() and document.raw(index + 2)[:1].isupper()


def _is_surname(document: Document, index: int, lower: str) -> bool:  # noqa: PLR0911 - an ordered list of decisions
    """Whether the word follows another capitalised name or a title."""
    if index == 0:
        return False
    gap, before = document.gap(index - 1), document.lower[index - 1]
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
    return before not in words("person") and (
        index > 1 and before not in words("english") | words("function") | words("modifier")
    )


def _as_word(document: Document, index: int, lower: str) -> str | None:  # noqa: PLR0911 - an ordered list of decisions
    """For names that are also words: evidence for the name, else a refusal."""
    after = document.next_word(index)
    before = document.previous_word(index)
    if document.text.isupper():
        return "ambiguous: in capitals this may be a word"
    if document.lower[index + 1 : index + 2] == ["s"] and document.gap(index) in {"'", "’"}:
        return None
    if not document.opens_sentence(index):
        return _mid_sentence(document, index, before)
    if lower in {"will", "may", "can"} and (
        after
        in words("person_pronoun")
        | words("person")
        | {"the", "a", "it", "this", "that", "my", "your", "god", "his", "her"}
        or not after
    ):
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
    nobody = words("pronouns_of_people").isdisjoint(document.lower)
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
    after = document.next_word(index)
    return (after in words("copula") | words("verb_finite")) and _about_a_place(document, index)


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
