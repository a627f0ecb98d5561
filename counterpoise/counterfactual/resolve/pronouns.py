"""his → her or hers."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import after_brackets, ends_phrase, stands
from counterpoise.counterfactual.tokens import Document

DETERMINER, PRONOUN = "determiner", "pronoun"
_POSSESSIVES = frozenset({"her", "hers", "their", "theirs", "my", "mine", "your", "yours", "our", "ours"})


def his(document: Document, index: int) -> tuple[str | None, str]:  # noqa: PLR0911 - an ordered list of decisions
    """What "his" at word ``index`` is: ``determiner`` (→ her), ``pronoun`` (→ hers) or ``None``; and why."""
    aside = document.gap(index) == " (" and document.lower[index + 1 : index + 2] in (["and"], ["or"])
    if aside and document.lower[index + 2 : index + 3] == ["her"] and document.gap(index + 2) == ") ":
        return DETERMINER, "a pair of possessives"
    cut = index + 3 == len(document) and document.text[-1].isalpha()
    if cut and document.lower[index + 1 :] == ["or", "her"]:
        return DETERMINER, "a pair of possessives, cut short"
    bracketed = after_brackets(document, index)
    if (
        bracketed is not None
        and bracketed < len(document)
        and document.lower[bracketed] not in words("function")
    ):
        return DETERMINER, "before brackets"
    if ends_phrase(document, index):
        return PRONOUN, "nothing follows"
    after = document.lower[index + 1]
    liked = document.previous_word(index) in {
        "like",
        "likes",
        "liked",
        "prefer",
        "prefers",
        "preferred",
        "love",
    }
    if liked and after in {"better", "best", "more", "most"} and ends_phrase(document, index + 1):
        return PRONOUN, f"before {after!r}"
    if document.gap(index).strip() == "/":
        return (
            (DETERMINER, f"beside {after!r}") if after in {"her", "their"} else (PRONOUN, f"beside {after!r}")
        )
    if (
        after in {"or", "and"}
        and document.lower[index + 2 : index + 3]
        and document.lower[index + 2] in _POSSESSIVES
    ):
        last = index + 2
        alone = (
            document.lower[last].endswith("s")
            or document.lower[last] == "mine"
            or ends_phrase(document, last)
        )
        return (PRONOUN if alone else DETERMINER), "a pair of possessives"
    if (document.raw(index + 1)[:1].isupper() and not document.text.isupper()) or document.gap(index + 1)[
        :1
    ] == "-":
        return DETERMINER, "before a name or compound"
    if after in words("after_his_alone"):
        return PRONOUN, f"before {after!r}"
    some = index > 2 and document.lower[index - 3] in {
        "a",
        "an",
        "some",
        "any",
        "another",
        "no",
        "that",
        "this",
    }
    verb = after in words("verb_finite") or (
        some and after[:-1] in words("verb_base") and after.endswith("s")
    )
    verb = verb or (after.endswith("ed") and stands(document, index + 1))
    pointed = index > 2 and document.lower[index - 3] in {"that", "this", "those", "these"}
    whose = pointed and after not in words("possessed", "person", "mass", "things")
    if document.previous_word(index) == "of" and (
        verb
        or whose
        or after in words("finite_more")
        or after in words("function") - words("function_or_noun")
    ):
        return PRONOUN, "of his"
    return DETERMINER, "before a noun phrase"
