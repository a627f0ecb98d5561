"""Nouns for people that are also something else: cries, titles, verbs, someone's own children."""

from __future__ import annotations

from counterpoise.counterfactual.english import peoples, words
from counterpoise.counterfactual.resolve import demonyms
from counterpoise.counterfactual.resolve.people import describes_people
from counterpoise.counterfactual.resolve.phrases import stands
from counterpoise.counterfactual.tokens import Document

_OWNERS = frozenset({"my", "your", "his", "her", "our", "their", "s", "whose", "own"})
_BEFORE_NOUN = frozenset({"s", "of", "as", "called", "become", "became", "and", "or"})
_BEFORE_A_CALL = frozenset(
    {
        "know",
        "right",
        "true",
        "me",
        "you",
        "it",
        "too",
        "again",
        "here",
        "there",
        "now",
        "up",
        "back",
        "out",
        "then",
    }
)
_SOMEONE = frozenset({"those", "someone", "anyone", "everyone", "somebody", "anybody", "one", "ones"})
_LAUNDRY = frozenset(
    {"egg", "eggs", "yolk", "yolks", "wash", "washed", "laundry", "bleach", "whisk", "teeth"}
)
_THINGS_BEFORE = frozenset(
    ["egg", "eggs", "his", "her", "their", "my", "your", "teeth", "in", "wear", "wearing"]
)


def people(document: Document, first: int, last: int, slot: str) -> str | None:
    """A word of colour or origin, as adjective or as noun: "the whites", "an Asian"; not "egg whites"."""
    if slot == "adjective":
        return describes_people(document, first, last, nominal=False)
    if document.previous_word(first) in _THINGS_BEFORE and document.lower[last].endswith("s"):
        return "not-people: no person named"
    if document.raw(last).islower() and document.lower[last].endswith("s") and _LAUNDRY & set(document.lower):
        return "not-people: eggs or laundry"
    of_eyes = document.lower[last + 1 : last + 2] == ["of"] and document.lower[last + 3 : last + 4] == [
        "eyes"
    ]
    if of_eyes:
        return "not-people: of the eyes"
    if slot == "singular":
        use, _ = demonyms.use(document, first, last, frozenset({"adjective", "singular"}))
        return None if use == "singular" else "not-people: no person named"
    return None


def group(document: Document, first: int, last: int, slot: str) -> str | None:
    """As :func:`people`, for words that also name the group with "the" ("the poor")."""
    return describes_people(document, first, last, nominal=True)


def bare(document: Document, first: int, last: int, slot: str) -> str | None:
    """Nouns that mean kin when someone has them: "her child", "they adopted two kids" are no age group.

    In "teen comedy" and "the adult mind" the word describes a thing.
    """
    if slot == "singular" and _qualifies(document, last):
        return "not-people: describes what follows"
    had = words("having_kin") & set(document.lower[max(first - 4, 0) : first])
    return "kin: someone's own" if had or document.previous_word(first) in _OWNERS else None


def _qualifies(document: Document, last: int) -> bool:
    """Whether a noun follows: neither a small word nor a verb. ("blonde hair" is as good as "a blonde".)"""
    after = document.next_word(last)
    small = words("function", "verb_finite", "perfect_past", "copula")
    if not after or after in small or after == "hair" or after.endswith(("ed", "ly", "ing")):
        return False
    return not (after[-1] == "s" and (after[:-1] in words("verb_base") or after[:-2] in words("verb_base")))


def not_a_cry(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "Man, that hurt!" calls on nobody, and "to man the pumps" is a verb."""
    if _calls(document, first, last) or _calls_man(document, first, last):
        return "not-people: an exclamation"
    if slot != "singular":
        return None
    if document.next_word(last) == "made" and document.previous_word(first) not in words(
        "determiner", "adjective", "modifier", "person"
    ):
        return "compound: man-made"
    if _mankind(document, first, last):
        return "not-people: mankind"
    ordered = document.opens_sentence(first) or document.previous_word(first) in {"to", "will"}
    if ordered and document.next_word(last) in {"the", "a", "up", "your", "our"}:
        return "not-people: a verb here"
    return None


def _calls_man(document: Document, first: int, last: int) -> bool:
    """ "I know man! …", "sorry man how about …", "sweet man do you …": no article, and another clause begins."""
    before, after = document.previous_word(first), document.next_word(last)
    if document.lower[first] != "man" or first == 0:
        return False
    if not before:
        return "," in document.before(first) and after in words("person_pronoun", "cry_after")
    if before == "on" and document.previous_word(first - 1) == "come":
        return True
    begins = not after or after in words("cry_after", "person_pronoun", "copula", "verb_base") | {
        "about",
        "to",
    }
    if before in words("vocative_before", "chat") | _BEFORE_A_CALL:
        return begins
    told = words("determiner") | _OWNERS | {"of", "as"}
    bare = told.isdisjoint(document.lower[max(first - 3, 0) : first])
    asked = after == "how" or (
        after in {"do", "did", "are", "have"} and document.next_word(last + 1) == "you"
    )
    return bare and asked


def _mankind(document: Document, first: int, last: int) -> bool:
    """ "Man is mortal", "and man is a social animal": no article."""
    if document.lower[first] not in {"man", "woman"}:
        return False
    if (
        document.lower[first] == "man"
        and document.previous_word(first) in {"of", "for"}
        and stands(document, last)
    ):
        return True
    asked = document.previous_word(first) in {"is", "was", "does", "did", "can", "will", "has"}
    if asked and document.opens_sentence(first - 1):
        return True
    starts = document.opens_sentence(first) or document.previous_word(first) in {"and", "because", "where"}
    doing = document.next_word(last) in {"is", "was"} and document.next_word(last + 1).endswith("ing")
    return (
        starts
        and not doing
        and document.next_word(last)
        in {
            "is",
            "has",
            "was",
            "cannot",
            "must",
            "can",
            "does",
            "shall",
        }
    )


def _calls(document: Document, first: int, last: int) -> bool:
    """Whether it calls on someone: "man, this …", "hey guys", "thanks, man!", "bro this is wild"."""
    gap, before = document.gap(last), document.before(first)
    opens = document.opens_sentence(first)
    shouted = (
        document.raw(first).isupper()
        and len(document.text) > len(document.raw(first)) + 1
        and document.text.isupper()
    )
    if opens and gap[:1] in {",", "!"} and not shouted:
        return True
    if (
        opens
        and document.next_word(last) in words("cry_after")
        and document.lower[first] in {"man", "bro", "sis", "guys"}
    ):
        return True
    if (
        opens
        and document.lower[first] == "boy"
        and document.next_word(last) in {"was", "is", "did", "do", "am", "are", "does", "my", "oh"}
    ):
        return True
    ends = gap[:1] in set(".,!?…") or last + 1 == len(document) or "\n" in gap
    greeted = document.previous_word(first) in words("vocative_before")
    called = "," in before and document.lower[first - 1] not in words("person")
    if greeted and (ends or document.lower[first] in {"guys", "girls", "boys", "gals"}):
        return True
    return (
        called and ends and document.lower[last + 1 : last + 2] not in (["and"], ["or"], ["woman"], ["women"])
    )


def kin_or_cry(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "my bro", not "bro, look"."""
    owned = document.previous_word(first) in words("determiner") | _OWNERS | words("adjective") | words(
        "modifier"
    )
    return None if owned else "not-people: an exclamation"


def title(document: Document, first: int, last: int, slot: str) -> str | None:
    """A title has a capital and stands before a name: "Mr. Smith", "Mr. and Mrs. Smith"."""
    if document.raw(first) in {"MS", "MR"} and not document.text.isupper():
        return "not-people: an abbreviation"
    if document.lower[first] == "miss" and document.next_word(last) in words("realm", "states") | peoples():
        return "entity: a contest"
    gap = document.gap(last).strip()
    shouted = document.raw(first) == "MISS" and document.next_word(last) in words("function")
    if document.lower[first] == "miss" and (gap or shouted):
        return "not-people: not a title here"
    if document.lower[first] in {"mr", "mrs", "ms"} and gap in {"", "."} and last + 1 < len(document):
        return None
    named = last + 1 < len(document) and document.raw(last + 1)[:1].isupper() and gap in {"", ".", "&"}
    pair = document.lower[first] in {"mr", "mrs", "ms", "miss"}
    joint = pair and (document.next_word(last) in {"and", "or"} or gap in {".", "&"})
    return None if document.raw(first)[:1].isupper() and (named or joint) else "not-people: not a title here"


def address(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "Yes, sir": a title with no name after it."""
    return None if title(document, first, last, slot) else "title: before a name"


def noun(document: Document, first: int, last: int, slot: str) -> str | None:
    """Words with a verb of the same form ("to host"): a determiner before, no noun after."""
    after = document.next_word(last)
    ends = not after or after in words("function", "verb_finite") or after.endswith("ed")
    possessive = document.gap(last)[:1] in {"'", "’"}
    allowed = words("determiner", "modifier", "adjective") | _BEFORE_NOUN
    before = document.previous_word(first)
    if not before and first and document.before(first).strip("'\"‘“ ") == "":
        before = document.lower[first - 1]
    if before in allowed and (ends or possessive):
        return None
    return "not-people: not a noun for a person here"


def small_noun(document: Document, first: int, last: int, slot: str) -> str | None:
    """As :func:`noun`, where the word with a capital is a name."""
    return noun(document, first, last, slot) if document.raw(first).islower() else "not-people: a name"


def bearer(document: Document, first: int, last: int, slot: str) -> str | None:
    """ "people with autism": the phrase follows a person."""
    before = document.previous_word(first)
    return None if before in words("person") or before in _SOMEONE else "not-people: not said of a person"
