"""Words of nation and faith: not the language, not a museum, not a country in passing."""

from __future__ import annotations

from counterpoise.counterfactual.english import vocabulary, words
from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.resolve.people import is_person
from counterpoise.counterfactual.resolve.phrases import stands
from counterpoise.counterfactual.tokens import Document

_HOMOGRAPHS = frozenset(
    {"pole", "poles", "swede", "swedes", "dane", "danes", "finn", "finns", "danish", "brit", "brits"}
)
_OFFICES = [
    "president",
    "king",
    "queen",
    "governor",
    "lady",
    "captain",
    "senator",
    "leader",
    "emperor",
    "prince",
    "princess",
    "country",
]
_STATES_OF = frozenset([("in", "country"), *(("of", office) for office in _OFFICES)])
"""Words before a country that say what it is or who rules it, not who comes from it."""
_APART = frozenset(
    [
        *("far", "away", "independence", "independent", "separate", "separated", "separation", "secede"),
        *("imports", "imported", "exports", "exported"),
    ]
)
"""Words before "from" that say no origin."""
_HOW_MUCH = frozenset(["little", "bit", "some", "fluent", "broken", "good", "perfect", "decent", "basic"])
_POSSESSIVES = frozenset({"my", "your", "his", "her", "our", "their"})
_COLOURS = frozenset(
    [
        "caucasian",
        "white",
        "black",
        "afro",
        "anglo",
        "native",
        "hispanic",
        "latino",
        "latina",
        "african",
        "asian",
    ]
)
_AMERICANS = frozenset({"american", "americans"})


def demonym(  # noqa: PLR0911 - an ordered list of decisions
    document: Document, first: int, last: int, slot: str
) -> str | None:
    """A nationality: neither its language, nor part of a proper name, nor half of "Indian American"."""
    if in_proper_name(document, last) or _between_capitals(document, first, last):
        american = document.lower[first] in _AMERICANS
        return "unsure: an American of that descent" if american else "entity: part of a proper name"
    if _half_of_an_american(document, first, last):
        code = "compound" if document.lower[first] in _AMERICANS else "unsure"
        return f"{code}: an American of that descent"
    before, after = document.previous_word(first), document.next_word(last)
    named = before != "christian" and before in words("first_names") and document.raw(first - 1).istitle()
    noun_follows = bool(after) and after not in words("function") and after not in words("verb_finite")
    if named and document.raw(first).istitle() and slot != "plural" and not noun_follows:
        return "surname: follows a first name"
    if document.lower[first] in _HOMOGRAPHS and document.raw(first).islower():
        return "not-people: in lower case this is another word"
    if document.lower[first] == "polish" and (document.raw(first).islower() or after in words("determiner")):
        return "not-people: a verb or noun here"
    if _beside_a_language(document, first) or document.gap(last)[:1] == ":":
        return "language: the language, not the people"
    owned = slot != "singular" and before in _POSSESSIVES and document.lower[last][-1] != "s"
    if owned and after not in words("copula") and stands(document, last):
        return "language: the language, not the people"
    if before == "at" and document.lower[last][-1] != "s" and stands(document, last):
        return "language: the language, not the people"
    if before in _HOW_MUCH and not words("language_verb").isdisjoint(
        document.lower[max(first - 4, 0) : first]
    ):
        return "language: the language, not the people"
    studied = before in words("language_study") and stands(document, last)
    spoken = studied or (
        before in words("language_verb") or (before == "in" and not after) or _also_spoken(document, first)
    )
    if spoken or after in {"language", "languages", "grammar", "lessons", "translation"} | words(
        "of_language"
    ):
        return "language: the language, not the people"
    return None


def _beside_a_language(document: Document, first: int) -> bool:
    """ "in Latin, Greek, and Hebrew": another word of the list is a language only."""
    near = document.lower[max(first - 3, 0) : first + 4]
    return not words("languages_only").isdisjoint(near)


def _also_spoken(document: Document, first: int) -> bool:
    """ "speaks Italian and German": a language joined to another one."""
    at = first - 1
    while at > 0 and document.lower[at] in {"and", "or", "both", "some"}:
        at -= 1
    other = at > 0 and at < first - 1 and document.raw(at)[:1].isupper()
    return (
        other
        and document.previous_word(at) in words("language_verb")
        and not document.next_word(first).endswith("s")
    )


def origin(document: Document, first: int, last: int, slot: str) -> str | None:
    """A country: only where someone comes from it or lives in it."""
    proper = first + 1 if document.lower[first] == "the" else first
    if not document.raw(proper)[:1].isupper():
        return "not-people: in lower case this is another word"
    after = document.raw(last + 1) if document.joined(last) else ""
    titled = after[:1].isupper() and after.lower() not in words("function") and not document.text.isupper()
    if titled or after == "of":
        return "entity: part of a proper name"
    before = document.lower[first - 1] if first else ""
    earlier = document.lower[first - 2] if first > 1 else ""
    if before == "from":
        return None if earlier not in _APART else "place: a country, not where someone comes from"
    lives = earlier in words("origin_before") or earlier in words("person")
    if before in {"in", "to", "of"} and lives and (before, earlier) not in _STATES_OF:
        return None
    return "place: a country, not where someone comes from"


def believer(document: Document, first: int, last: int, slot: str) -> str | None:
    """An adherent: "Christian Dior" is a first name and "Jewish Museum" an institution."""
    if in_proper_name(document, last) or _between_capitals(document, first, last):
        return "entity: part of a proper name"
    if document.next_word(last) in words("faith") or document.previous_word(first) in words("faith"):
        return "unsure: half of a name of two faiths"
    if document.lower[first] == "christian" and slot != "plural" and _bears_the_name(document, first):
        return "entity: a first name"
    if document.lower[first] == "christian" and slot != "plural" and document.joined(last):
        following = document.raw(last + 1)
        known = words("english", "function", "person", "modifier", "first_names")
        if following.istitle() and not document.text.isupper() and following.lower() not in known:
            return "entity: a first name"
    return None


def _between_capitals(document: Document, first: int, last: int) -> bool:
    """ "West German unions", "the Royal Danish Ballet", "British East Africa": no headline, and capitals beside it."""
    before = document.previous_word(first)
    plain_word = document.lower[first] != "americans" or before in vocabulary()
    opening = first > 0 and document.opens_sentence(first - 1) and plain_word
    tied = before and not opening and document.raw(first - 1)[:1].isupper()
    if document.text.isupper():
        return False
    known = words("descent", "faith", "branch", "function", "titles", "first_names") | _AMERICANS | _COLOURS
    after = document.next_word(last)
    plain = not after or not document.raw(last + 1)[:1].isupper() or after in known or is_person(after)
    beside = (tied and before not in known and not is_person(before)) or not plain
    return bool(beside) and not headline(document)


def _bears_the_name(document: Document, index: int) -> bool:
    """Whether "Christian" is someone: no article before it, a verb or 's after it."""
    if not document.raw(index)[:1].isupper() or document.text.isupper():
        return False
    before = document.previous_word(index)
    qualified = words("determiner", "modifier", "adjective", "copula")
    if before in qualified | words("degree") | {"s"} or "-" in document.before(index):
        return False
    after = document.lower[index + 1 : index + 2]
    owns = after == ["s"] and document.gap(index) in {"'", "’"}
    if owns and document.lower[index + 2 : index + 3] and document.lower[index + 2] in words("verb_base"):
        return False
    return owns or (document.joined(index) and after[0] in words("verb_finite") | {"met"})


def in_proper_name(document: Document, last: int) -> bool:
    """Whether capitalised words follow that end in "Museum", "Revolution" or the like."""
    if document.text.isupper():
        return False
    for at in range(last + 1, min(last + 5, len(document))):
        tied = document.joined(at - 1) or document.gap(at - 1) in {"-", "–"}
        if not tied or not document.raw(at)[:1].isupper():
            return False
        if document.lower[at] in words("entity_after"):
            return True
    return False


def _half_of_an_american(document: Document, first: int, last: int) -> bool:
    if document.lower[first] not in _AMERICANS:
        return document.next_word(last) in _AMERICANS
    before = document.previous_word(first)
    written = document.raw(first - 1)[:1].isupper() or document.raw(first).islower()
    return before in words("descent") and written
