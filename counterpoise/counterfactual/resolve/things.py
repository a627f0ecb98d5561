"""A first name that is a thing here: "an Oscar", "Hurricane Katrina", "Mercedes unveiled a new engine", a dog."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

_ARTICLES = frozenset(
    {"a", "an", "another", "every", "any", "each", "two", "three", "several", "many", "which"}
)
_ARTICLES_AND_CAR = _ARTICLES | {"the", "his", "her", "their", "my", "our", "your", "this", "that"}


_KNOWN_BY = frozenset({"i", "we", "that", "who", "you", "they"})
"""Words after "the Tom": he is told apart from others of that name."""


def thing_reason(document: Document, index: int, name: str) -> str | None:
    """Why the name at word ``index`` names no person, or ``None``."""
    before = document.previous_word(index)
    if before in words("entity_before") and document.raw(index - 1)[:1].isupper():
        return "entity: part of a proper name"
    if before in _ARTICLES and not document.text.isupper() and not _owned(document, index):
        return "not-a-name: after an article"
    if before == "the" and not document.text.isupper() and document.next_word(index) not in _KNOWN_BY:
        return "not-a-name: after an article"
    if _is_pet(document, index, before):
        return "not-people: an animal's name"
    if document.lower[index] in words("name_brands") and _trademark(document, index, before):
        return "entity: a trademark, prize or machine of that name"
    return None


def _owned(document: Document, index: int) -> bool:
    """ "a Karen Smith": a full name, or someone's."""
    after = document.raw(index + 1) if document.joined(index) else ""
    return after[:1].isupper() and after.lower() not in words("function")


def _is_pet(document: Document, index: int, before: str) -> bool:
    """ "my dog Max", "Rex, her dog"."""
    if before in words("animal") - {"lion", "wolf", "fox", "bear", "hawk", "crow"}:
        return True
    if not document.gap(index).startswith(", "):
        return False
    rest = document.lower[index + 1 : index + 5]
    owned = bool(rest) and rest[0] in {"my", "his", "her", "our", "their", "the", "a", "your", "an"}
    return owned and any(word in words("animal") for word in rest[1:3])


def _trademark(document: Document, index: int, before: str) -> bool:
    """Whether a name that is a trademark too is one here: no person is spoken of, or a verb of firms follows."""
    said = before in {"that", "this"} and _owned(document, index)
    if (before in _ARTICLES_AND_CAR and not said) or (
        before in words("modifier", "adjective") and document.previous_word(index - 1) in _ARTICLES_AND_CAR
    ):
        return True
    after = document.next_word(index)
    if after in words("brand_verbs", "brand_things"):
        return words("pronouns_of_people").isdisjoint(document.lower)
    if (
        document.gap(index)[:1] == ","
        and index == 0
        and document.lower[1:2]
        and document.lower[1] in words("commands")
    ):
        return document.lower[0] in {"alexa", "siri", "cortana", "claude", "gemini"}
    others = {
        "siri",
        "cortana",
        "chatgpt",
        "bmw",
        "audi",
        "toyota",
        "honda",
        "google",
        "gpt",
        "copilot",
        "llama",
        "ferrari",
        "porsche",
    }
    if (
        after in {"and", "or"}
        and document.lower[index + 2 : index + 3]
        and document.lower[index + 2] in others
    ):
        return True
    return (
        before in {"and", "or", "than", "vs", "versus"} and index > 1 and document.lower[index - 2] in others
    )
