"""Adjective or noun: "a Jewish baker" but "a Jew bakes"; "the Chinese sell" but "Chinese food"."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import ends_phrase
from counterpoise.counterfactual.tokens import Document

_NOUN_BEFORE = frozenset(["a", "an", "another", "every", "each", "one"])
_PLURAL_BEFORE = frozenset(
    [
        "the",
        "these",
        "those",
        "many",
        "most",
        "some",
        "all",
        "few",
        "several",
        "other",
        "by",
        "of",
        "from",
        "and",
        "with",
        "for",
        "like",
        "to",
        *(
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "twelve",
            "twenty",
            "hundred",
            "both",
        ),
    ]
)


def use(document: Document, first: int, last: int, slots: frozenset[str]) -> tuple[str | None, str]:
    """Which of ``slots`` (adjective, singular, plural) the term at words ``first`` to ``last`` fills."""
    if slots == {"singular", "plural"}:
        return _number(document, first)
    if not _noun_may_end(document, last):
        return "adjective", "before a noun"
    before = document.previous_word(first)
    if "singular" in slots and _after_article(document, first):
        return "singular", "after an article"
    if _after_copula(document, first):
        return "adjective", "after a linking verb"
    begins = document.opens_sentence(first) and document.lower[last] not in words("adjectival")
    if "plural" in slots and (before in _PLURAL_BEFORE or begins) and not _in_a_list(document, last):
        return "plural", f"names the people after {before!r}"
    return "adjective", "no sign of a noun"


def _number(document: Document, first: int) -> tuple[str | None, str]:
    before = document.previous_word(first)
    if before in _NOUN_BEFORE:
        return "singular", f"after {before!r}"
    return "plural", "no article"


def _noun_may_end(document: Document, last: int) -> bool:
    """Whether the noun phrase ends with the term."""
    if ends_phrase(document, last) and document.gap(last) != "–":
        return True
    after = document.lower[last + 1]
    title = document.raw(last + 1)[:1].isupper() and not document.text.isupper()
    if title or document.gap(last) in {"-", "–"}:
        return False
    if after in {"and", "or"} and _shares_a_noun(document, last + 2):
        return False
    if document.gap(last) in {"'", "’"} and after == "s":
        return True
    return after in words("function") or after in words("verb_finite")


def _in_a_list(document: Document, last: int) -> bool:
    """Whether adjectives go on after a comma: "the English, Scottish and Irish languages"."""
    if document.gap(last) != ", " or not document.raw(last + 1)[:1].isupper():
        return False
    after = document.lower[last + 1]
    return after in words("descent") or after.endswith(("ish", "ese", "ian"))


def _shares_a_noun(document: Document, index: int) -> bool:
    """Whether another word of origin and then a noun follow: "the Irish and Scottish teams"."""
    if index + 1 >= len(document) or not document.raw(index)[:1].isupper() or ends_phrase(document, index):
        return False
    after = document.lower[index + 1]
    known = after in words("function", "verb_finite", "verb_base")
    return document.joined(index) and not known


def _after_article(document: Document, first: int) -> bool:
    at = first - 1
    while at >= 0 and document.joined(at) and first - at <= 3:
        if document.lower[at] in _NOUN_BEFORE | {
            "the",
            "this",
            "that",
            "my",
            "his",
            "her",
            "our",
            "their",
            "your",
        }:
            return True
        if document.lower[at] in {"only", "very", "other", "first"}:
            at -= 1
            continue
        if document.lower[at] in words("function") or document.lower[at] in words("copula"):
            return False
        at -= 1
    return False


def _after_copula(document: Document, first: int) -> bool:
    at = first - 1
    while at >= 0 and first - at <= 3:
        if document.lower[at] in words("copula"):
            return True
        if document.lower[at] not in words("degree") | {"not", "t"}:
            return False
        at -= 1
    return False
