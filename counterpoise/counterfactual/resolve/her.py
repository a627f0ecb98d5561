"""her → his or him, decided by the words around, or left undecided.

The order of the rules is the argument. What follows settles most cases: nothing, or a word that cannot be in a noun
phrase, makes "her" an object. Then the verb before it: "made her cry", "found her asleep", "kissed her gently". Where
a verb takes two objects and the noun needs no article ("gave her time") the sentence means either, and "her" stays
undecided. Everything else is a possessive.
"""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve import her_next as following
from counterpoise.counterfactual.resolve import her_verb as governing
from counterpoise.counterfactual.resolve.neighbourhood import DETERMINER, OBJECT, Her, Verdict
from counterpoise.counterfactual.resolve.phrases import after_brackets, ends_phrase
from counterpoise.counterfactual.tokens import Document

_RULES = (
    following.fixed_phrase,
    following.capital,
    following.pair,
    following.mixed,
    following.function_word,
    following.adverb,
    following.time,
    governing.complement,
    governing.bare_verb,
    governing.gerund,
    governing.two_objects,
    governing.main_clause,
)


def her(document: Document, index: int) -> Verdict:  # noqa: PLR0911 - an ordered list of decisions
    """What "her" at word ``index`` is: ``object`` (→ him), ``determiner`` (→ his) or ``None``; and why."""
    gap = document.gap(index)
    if "&" in gap:
        return OBJECT, "before &"
    if gap[:1] in {"'", "’"} and document.lower[index + 1 : index + 2] == ["s"]:
        return None, "her's is not a word"
    if index and document.lower[index - 1] == "his" and document.gap(index - 1).strip() == "/":
        return DETERMINER, "beside 'his'"
    if index > 1 and document.lower[index - 2] == "his" and document.gap(index - 2) == " (" and gap == ") ":
        return DETERMINER, "beside 'his'"
    marked = document.before(index).endswith("(") and gap == ") " and index + 1 < len(document)
    if marked and document.lower[index + 1] not in words("function"):
        return DETERMINER, "in brackets, before a noun"
    bracketed = after_brackets(document, index)
    if bracketed is not None:
        noun = bracketed < len(document) and document.lower[bracketed] not in words("function")
        return (DETERMINER, "before brackets") if noun else (OBJECT, "nothing follows but brackets")
    if ends_phrase(document, index):
        return OBJECT, "nothing follows"
    if "-" in gap:
        return None, "part of a compound"
    twin = _twin(document, index, gap)
    if twin is not None:
        return twin
    at = Her(document, index, document.previous_word(index), document.lower[index + 1])
    if gap.strip(" "):
        return _before_marks(at, gap)
    for rule in _RULES:
        verdict = rule(at)
        if verdict is not None:
            return verdict
    return DETERMINER, "before a noun phrase"


def _twin(document: Document, index: int, gap: str) -> Verdict | None:
    """ "him/her", "his or her" and the like: the other pronoun shows the form."""
    lower = document.lower
    if index and document.gap(index - 1).strip() == "/":
        other = lower[index - 1]
    elif index > 1 and lower[index - 1] == "or":
        other = lower[index - 2]
    else:
        other = lower[index + 1] if gap.strip() == "/" else ""
    if other in {"him", "them", "me"}:
        return OBJECT, f"beside {other!r}"
    if other in {"his", "their", "my", "your"}:
        return DETERMINER, f"beside {other!r}"
    return (None, "part of a compound") if gap.strip() == "/" else None


def _before_marks(at: Her, gap: str) -> Verdict:
    """Numbers and quotation marks between "her" and the next word."""
    if any(character.isdigit() for character in gap):
        if at.before in words("ditransitive", "duration"):
            return OBJECT, f"{at.before} her a number"
        return DETERMINER, "before a number"
    quoted_clause = at.after in words("function") and at.document.raw(at.next).islower()
    if at.in_clause and (at.before in words("appoint", "speech") or quoted_clause):
        return OBJECT, f"{at.before} her a quotation"
    return DETERMINER, "before a quotation"
