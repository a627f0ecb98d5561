"""What governs "her": verbs with a complement, of causing and perceiving, with two objects."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.neighbourhood import DETERMINER, OBJECT, Her, Verdict
from counterpoise.counterfactual.resolve.phrases import ends_phrase, stands

_ADJECTIVE_ENDINGS = ("some", "ful", "less", "ous", "ive", "ward", "ish", "able", "ible")
_NOUN_ENDINGS = ("ness", "ion", "ions", "ity", "ment", "ments", "ance", "ence")


def complement(at: Her) -> Verdict | None:
    """ "found her asleep", "elected her president", "kept her hostage"."""
    if not at.in_clause or not at.after_stands:
        return None
    joined = at.following in {"and", "or", "but"} and at.before not in words("complement")
    adjective = at.after in words("adjective") or (
        at.before in words("complement")
        and at.after.endswith(_ADJECTIVE_ENDINGS)
        and at.after not in words("person")
    )
    if adjective and not joined and at.before not in words("copula_be"):
        return OBJECT, f"{at.after!r} says what she is"
    if at.before in words("appoint") and at.after in words("roles"):
        return OBJECT, f"{at.before} her {at.after}"
    if at.before.startswith("call") and at.after == "names":
        return OBJECT, "called her names"
    held = at.before in words("complement") | {
        "has",
        "have",
        "had",
        "having",
        "get",
        "gets",
        "got",
        "getting",
        "see",
        "saw",
        "want",
        "wants",
        "wanted",
        "hear",
        "heard",
    }
    if held and at.after.endswith("ed") and at.after not in words("adjective_ed"):
        return OBJECT, f"{at.before} her {at.after}"
    return None


def bare_verb(at: Her) -> Verdict | None:
    """ "made her cry", "saw her leave"; nouns of the same form need more than the verb before."""
    if at.before in words("causative"):
        return _caused(at)
    if at.before not in words("perception") or at.after not in words("verb_base"):
        return None
    if at.after not in words("noun_or_verb"):
        return OBJECT, f"{at.before} her {at.after}"
    seen = at.after in words("seen_or_done") and at.before in words("seeing")
    if ends_phrase(at.document, at.next) and (seen or at.before in words("hearing")):
        return None, f"{at.after!r} is a noun or a verb here"
    if at.before in words("seeing", "hearing"):
        return OBJECT, f"{at.before} her {at.after}"
    return None


def _caused(at: Her) -> Verdict | None:
    if at.before in words("make") and at.after in words("made_noun"):
        acts = at.following in words("determiner", "quantity") and at.after in words("verb_base")
        return (OBJECT if acts else DETERMINER), f"made her {at.after}"
    if at.before in words("have") and at.after in words("made_noun") and at.following in words("determiner"):
        return OBJECT, f"{at.before} her {at.after}"
    if at.after in words("verb_base") and (
        at.before not in words("have") or at.after not in words("noun_or_verb")
    ):
        return OBJECT, f"{at.before} her {at.after}"
    verb = at.before in words("let") or (at.before in words("help") and _takes_object(at))
    noun = (
        at.after in words("possessed", "person") or at.after.endswith(_NOUN_ENDINGS) or _is_plural(at.after)
    )
    if verb and not noun:
        return OBJECT, f"{at.before} her {at.after}"
    return None


def _takes_object(at: Her) -> bool:
    return at.following in words("determiner") or (
        bool(at.following) and at.document.raw(at.next + 1)[:1].isupper()
    )


def gerund(at: Her) -> Verdict | None:
    """ "saw her running", "without her having"."""
    if at.after in words("performance") and at.before in words("hearing", "seeing") | words("catching"):
        return OBJECT, f"{at.before} her {at.after}"
    if at.after in words("depiction") and at.before in words("seeing"):
        acts = at.following in words("determiner")
        return (OBJECT if acts else None), f"{at.after!r} is a thing or an act here"
    if not at.after.endswith("ing") or at.after in words("noun_ing"):
        return None
    thing = words("thing_after_ing", "person", "possessed")
    if at.before in words("perception", "gerund_object") and at.following not in thing:
        return OBJECT, f"{at.before} her {at.after}"
    if (
        not at.in_clause
        and at.before
        and at.following in words("function") - {"and", "or", "was", "is", "were", "are"}
    ):
        return OBJECT, f"{at.before} her {at.after} {at.following}"
    return None


def two_objects(at: Her) -> Verdict | None:  # noqa: PLR0911 - an ordered list of decisions
    """A verb that takes two objects and a noun without article: open unless something shows."""
    counted = at.after in words("quantity")
    taught = at.before in {"taught", "teach", "teaches", "teaching"} and at.after_stands
    if taught and at.after not in words("possessed", "person", "taught_things"):
        return OBJECT, f"{at.before} her {at.after}"
    if at.before in {"owe", "owes", "owed", "owing"} and (at.after == "rent" or at.after in words("mass")):
        return OBJECT, f"{at.before} her {at.after}"
    if at.before not in words("ditransitive") or at.after in words("possessed"):
        return None
    head = _head(at)
    noun = at.document.lower[head]
    if noun in words("possessed") and not counted:
        return None
    if at.before in {"cost", "costs", "costing"} and noun in words("mass"):
        return OBJECT, f"{at.before} her {noun}"
    strong = at.before in words("strong_ditransitive") and noun.endswith(("ness", "ity", "dom"))
    if not (noun in words("mass") or counted or _is_plural(noun) or strong):
        return None
    following = "" if ends_phrase(at.document, head) else at.document.lower[head + 1]
    verb_next = (
        following == "to"
        and at.document.lower[head + 2 : head + 3]
        and at.document.lower[head + 2] in words("verb_base")
    )
    if at.before.startswith("wish") and not _is_plural(noun) and not following:
        return OBJECT, f"wished her {noun}"
    goes = following in {"to", "away", "up", "back", "off"} and not verb_next
    if goes and not at.before.startswith(("tell", "told", "teach", "taught")):
        return DETERMINER, "what is given goes elsewhere"
    return None, f"in '{at.before} her {noun}' the {noun} may be given to her or be hers"


def _head(at: Her) -> int:
    """The last word of the noun phrase after it, at most four words on."""
    document, head = at.document, at.next
    while head < at.next + 3 and document.joined(head) and not stands(document, head):
        following = document.lower[head + 1]
        if (
            following in words("verb_finite")
            or following.endswith("ed")
            or document.lower[head] in words("mass")
        ):
            break
        head += 1
    return head


def _is_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))


def main_clause(at: Her) -> Verdict | None:
    """ "the man who loved her died": the verb of the main clause follows."""
    if (
        at.after.endswith("ed")
        and at.after not in words("adjective_ed")
        and at.following in words("determiner")
    ):
        return OBJECT, f"before the verb {at.after!r}"
    past = at.after in words("perfect_past") and (at.in_clause or at.after in words("only_past"))
    ended = at.after.endswith("ed") and at.after not in words("adjective_ed", "possessed")
    if past or (at.before and not at.in_clause and ended and ends_phrase(at.document, at.next)):
        return OBJECT, f"before the verb {at.after!r}"
    return None
