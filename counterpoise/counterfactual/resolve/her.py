"""her → his or him, decided by the words around, or left undecided.

The order of the rules is the argument. What follows settles most cases: nothing, or a word that cannot be in a noun
phrase, makes "her" an object. Then the verb before it: "made her cry", "found her asleep", "kissed her gently". Where
a verb takes two objects and the noun needs no article ("gave her time") the sentence means either, and "her" stays
undecided. Everything else is a possessive.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.phrases import ends_phrase, stands
from counterpoise.counterfactual.tokens import Document

OBJECT, DETERMINER = "object", "determiner"
Verdict = tuple[str | None, str]
_ADJECTIVE_ENDINGS = ("ful", "less", "ous", "ive", "ward", "ish", "able", "ible")
_NOUN_ENDINGS = ("ness", "ion", "ions", "ity", "ment", "ments", "ance", "ence")


@dataclass(frozen=True, slots=True)
class _Her:
    """The neighbourhood of one "her".

    Attributes:
        before: the word before it, ``""`` at the start of a clause.
        after: the word after it.
    """

    document: Document
    index: int
    before: str
    after: str

    @property
    def next(self) -> int:
        """Index of the word after it."""
        return self.index + 1

    @property
    def following(self) -> str:
        """The second word after it, when only space separates them."""
        return self.document.next_word(self.next)

    @property
    def after_stands(self) -> bool:
        """Whether the word after it ends the phrase."""
        return stands(self.document, self.next)

    @property
    def in_clause(self) -> bool:
        """Whether a verb may govern it: not first in its clause, not after a preposition."""
        return bool(self.before) and self.before not in words("preposition")


def her(document: Document, index: int) -> Verdict:  # noqa: PLR0911 - an ordered list of decisions
    """What "her" at word ``index`` is: ``object`` (→ him), ``determiner`` (→ his) or ``None``; and why."""
    gap = document.gap(index)
    if "&" in gap:
        return OBJECT, "before &"
    if gap[:1] in {"'", "’"} and document.lower[index + 1 : index + 2] == ["s"]:
        return None, "her's is not a word"
    if ends_phrase(document, index):
        return OBJECT, "nothing follows"
    if "-" in gap:
        return None, "part of a compound"
    twin = _twin(document, index, gap)
    if twin is not None:
        return twin
    at = _Her(document, index, document.previous_word(index), document.lower[index + 1])
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


def _before_marks(at: _Her, gap: str) -> Verdict:
    """Numbers and quotation marks between "her" and the next word."""
    if any(character.isdigit() for character in gap):
        if at.before in words("ditransitive") | words("duration"):
            return OBJECT, f"{at.before} her a number"
        return DETERMINER, "before a number"
    quoted_clause = at.after in words("function") and at.document.raw(at.next).islower()
    if at.in_clause and (at.before in words("appoint") | words("speech") or quoted_clause):
        return OBJECT, f"{at.before} her a quotation"
    return DETERMINER, "before a quotation"


def _fixed(at: _Her) -> Verdict | None:  # noqa: PLR0911 - an ordered list of decisions
    if at.after == "own":
        return DETERMINER, "her own"
    if at.after in {"one", "some", "any", "all"} and at.following == "of":
        return OBJECT, f"her {at.after} of"
    if (at.after == "due" and at.following == "to") or (
        at.after == "cause" and at.following in words("person_pronoun")
    ):
        return OBJECT, f"before {at.after!r}"
    if at.after == "her":
        return OBJECT, "her her"
    if at.after in {"being", "having"} and not at.before:
        return DETERMINER, f"her {at.after}"
    if at.after == "best" and at.before in {"do", "does", "did", "doing", "done", "try", "tried", "trying"}:
        return DETERMINER, "did her best"
    if at.before in words("duration") and at.after in words("quantity") | {"long"}:
        return OBJECT, f"{at.before} her {at.after}"
    if at.document.gap(at.next)[:1] in {"-", "‑"}:
        return DETERMINER, "before a compound"
    return None


def _capital(at: _Her) -> Verdict | None:
    raw = at.document.raw(at.next)
    if not raw[:1].isupper() or at.document.text.isupper() or at.after in {"i", "mr", "mrs", "ms", "dr"}:
        return None
    if at.before in words("appoint") - words("make") and at.after not in words("possessed"):
        return OBJECT, f"{at.before} her {raw}"
    if at.before in words("ditransitive") and at.document.gap(at.next)[:1] in {"'", "’"}:
        return OBJECT, "what is given is someone else's"
    return DETERMINER, "before a name or title"


def _pair(at: _Her) -> Verdict | None:
    if at.after not in {"or", "and"} or at.next + 1 >= len(at.document):
        return None
    other = at.document.lower[at.next + 1]
    if other not in {"his", "her", "their", "my", "your", "our"}:
        return OBJECT, f"before {at.after!r}"
    if at.after == "or" and not stands(at.document, at.next + 1):
        return DETERMINER, "a pair of possessives"
    return OBJECT, f"before {at.after!r}"


def _mixed(at: _Her) -> Verdict | None:
    """Words that are now adverbs or prepositions, now part of a noun phrase: "loved her more", "her more recent"."""
    if at.after not in words("function_or_noun"):
        return None
    if at.after in {"back", "home", "past", "left", "right", "down", "well", "all"}:
        return _noun_or_adverb(at)
    if at.after in words("degree_word"):
        return _degree(at)
    if at.after in {"will", "might"} and not at.in_clause:
        return DETERMINER, f"her {at.after}"
    return OBJECT, f"before {at.after!r}"


def _degree(at: _Her) -> Verdict:
    document, rest = at.document, at.next
    while document.joined(rest) and document.lower[rest + 1] in words("degree_word") | {
        "much",
        "often",
        "than",
    }:
        rest += 1
    alone = stands(document, rest) or (_is_adverb(document, rest + 1) and stands(document, rest + 1))
    if alone and (at.in_clause or at.after not in words("quantifier")):
        return OBJECT, f"before the adverb {at.after!r}"
    links = at.before in words("complement") or (at.in_clause and at.after in {"too", "so"})
    if links and _predicative(document, rest + 1):
        return OBJECT, f"{at.before} her {at.after}"
    if at.before == "like" and document.lower[rest + 1] in words("verb_base"):
        return OBJECT, "like her"
    return DETERMINER, "before a noun phrase"


def _noun_or_adverb(at: _Her) -> Verdict:
    body = words("body_verb") | words("preposition") | {"and", ""}
    if at.after == "home":
        moved = at.before in words("bring")
        return (OBJECT, "brought home") if moved else (DETERMINER, "her home")
    if at.after == "all":
        given = at.before in {"give", "gave", "gives", "giving", "given"} and at.following not in {
            "the",
            "of",
            "that",
        }
        return (None, "her all, or all to her") if given else (OBJECT, "before 'all'")
    if at.after == "past":
        return (
            (DETERMINER, "her past") if at.following not in {"the", "a", "his"} else (OBJECT, "before 'past'")
        )
    if at.after in {"left", "right"}:
        noun = at.following not in words("function") | {""} or (at.after, at.following) == ("right", "to")
        return (
            (DETERMINER, f"her {at.after}") if noun or not at.in_clause else (OBJECT, f"before {at.after!r}")
        )
    if at.after == "well" and at.following in {"being", "known", "earned", "deserved"}:
        return DETERMINER, "her well-"
    owned = at.after == "back" and (
        at.before in body
        or (
            (at.following in words("verb_finite") or at.following in words("body_noun"))
            and at.before not in words("bring")
        )
    )
    return (DETERMINER, "her back") if owned else (OBJECT, f"before {at.after!r}")


def _function(at: _Her) -> Verdict | None:
    if at.after in words("function"):
        return OBJECT, f"before {at.after!r}"
    return None


def _adverb(at: _Her) -> Verdict | None:
    if not _is_adverb(at.document, at.next) or not at.before:
        return None
    rest = at.next + 1 if at.after_stands or not _is_adverb(at.document, at.next + 1) else at.next + 2
    if stands(at.document, rest - 1):
        return OBJECT, f"before the adverb {at.after!r}"
    if at.before in words("complement") and _predicative(at.document, rest):
        return OBJECT, f"{at.before} her {at.after}"
    if at.following.endswith("ing") and stands(at.document, at.next + 1):
        return OBJECT, f"before {at.after} {at.following}"
    return None


def _predicative(document: Document, index: int) -> bool:
    """Whether word ``index`` ends the phrase, as the adjective of "kept her very busy" does."""
    return index < len(document) and stands(document, index)


def _is_adverb(document: Document, index: int) -> bool:
    word = document.lower[index] if index < len(document) else ""
    return word.endswith("ly") and word not in words("not_adverb")


def _time(at: _Her) -> Verdict | None:
    when = at.after in {"last", "next", "one", "every"} and at.following in words("time_noun")
    told = at.in_clause or (at.before in {"from", "to", "with"} and ends_phrase(at.document, at.next + 1))
    if when and told:
        return OBJECT, f"before {at.after} {at.following}"
    if not at.in_clause:
        return None
    adverb = at.after in {"first", "last", "next", "better", "best", "later", "earlier"}
    if adverb and at.after_stands and at.following not in {"ever", "and"}:
        return OBJECT, f"before the adverb {at.after!r}"
    return None


def _complement(at: _Her) -> Verdict | None:
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


def _bare_verb(at: _Her) -> Verdict | None:
    """ "made her cry", "saw her leave"; nouns of the same form need more than the verb before."""
    if at.before in words("causative"):
        return _caused(at)
    if at.before not in words("perception") or at.after not in words("verb_base"):
        return None
    if at.after not in words("noun_or_verb"):
        return OBJECT, f"{at.before} her {at.after}"
    if ends_phrase(at.document, at.next) and at.before in words("hearing"):
        return None, f"{at.after!r} is a noun or a verb here"
    if at.before in words("seeing") | words("hearing"):
        return OBJECT, f"{at.before} her {at.after}"
    return None


def _caused(at: _Her) -> Verdict | None:
    if at.before in words("make") and at.after in words("made_noun"):
        acts = at.following in words("determiner") | words("quantity") and at.after in words("verb_base")
        return (OBJECT if acts else DETERMINER), f"made her {at.after}"
    if at.after in words("verb_base") and (
        at.before not in words("have") or at.after not in words("noun_or_verb")
    ):
        return OBJECT, f"{at.before} her {at.after}"
    verb = at.before in words("let") or (at.before in words("help") and _takes_object(at))
    noun = (
        at.after in words("possessed") | words("person")
        or at.after.endswith(_NOUN_ENDINGS)
        or _is_plural(at.after)
    )
    if verb and not noun:
        return OBJECT, f"{at.before} her {at.after}"
    return None


def _takes_object(at: _Her) -> bool:
    return at.following in words("determiner") or (
        bool(at.following) and at.document.raw(at.next + 1)[:1].isupper()
    )


def _gerund(at: _Her) -> Verdict | None:
    if not at.after.endswith("ing") or at.after in words("noun_ing"):
        return None
    thing = words("thing_after_ing") | words("person") | words("possessed")
    if at.before in words("perception") | words("gerund_object") and at.following not in thing:
        return OBJECT, f"{at.before} her {at.after}"
    if (
        not at.in_clause
        and at.before
        and at.following in words("function") - {"and", "or", "was", "is", "were", "are"}
    ):
        return OBJECT, f"{at.before} her {at.after} {at.following}"
    return None


def _two_objects(at: _Her) -> Verdict | None:
    counted = at.after in words("quantity")
    if at.before not in words("ditransitive") or at.after in words("possessed"):
        return None
    head = _head(at)
    noun = at.document.lower[head]
    if noun in words("possessed") and not counted:
        return None
    strong = at.before in words("strong_ditransitive") and noun.endswith(("ness", "ity", "dom"))
    if not (noun in words("mass") or counted or _is_plural(noun) or strong):
        return None
    following = "" if ends_phrase(at.document, head) else at.document.lower[head + 1]
    verb_next = (
        following == "to"
        and at.document.lower[head + 2 : head + 3]
        and at.document.lower[head + 2] in words("verb_base")
    )
    goes = following in {"to", "away", "up", "back", "off"} and not verb_next
    if goes and not at.before.startswith(("tell", "told", "teach", "taught")):
        return DETERMINER, "what is given goes elsewhere"
    return None, f"in '{at.before} her {noun}' the {noun} may be given to her or be hers"


def _head(at: _Her) -> int:
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


def _clause(at: _Her) -> Verdict | None:
    """ "the man who loved her died": the verb of the main clause follows."""
    past = at.after in words("perfect_past") and (at.in_clause or at.after in words("only_past"))
    ended = at.after.endswith("ed") and at.after not in words("adjective_ed") | words("possessed")
    if past or (at.before and not at.in_clause and ended and ends_phrase(at.document, at.next)):
        return OBJECT, f"before the verb {at.after!r}"
    return None


_RULES = (
    _fixed,
    _capital,
    _pair,
    _mixed,
    _function,
    _adverb,
    _time,
    _complement,
    _bare_verb,
    _gerund,
    _two_objects,
    _clause,
)
