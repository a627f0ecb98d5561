"""What follows "her": fixed phrases, names, pairs, function words, adverbs, times."""

from __future__ import annotations

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.resolve.neighbourhood import DETERMINER, OBJECT, Her, Verdict
from counterpoise.counterfactual.resolve.phrases import ends_phrase, stands
from counterpoise.counterfactual.tokens import Document


def fixed_phrase(at: Her) -> Verdict | None:  # noqa: PLR0911 - an ordered list of decisions
    """Phrases that settle it at once: "her own", "one of", "did her best"."""
    if at.after == "own":
        return DETERMINER, "her own"
    if at.after in {"one", "some", "any", "all"} and at.following == "of":
        return OBJECT, f"her {at.after} of"
    if (at.after == "due" and at.following == "to") or (
        at.after == "cause" and at.following in words("person_pronoun")
    ):
        return OBJECT, f"before {at.after!r}"
    if at.after == "full" and at.following == "of":
        return OBJECT, "her full of"
    if at.after == "her":
        return OBJECT, "her her"
    if at.after == "gone" or (at.before == "with" and at.after in words("state") and at.after_stands):
        return OBJECT, f"{at.after!r} says what she is"
    if (
        at.after in {"more", "less", "better", "worse"}
        and at.following == "than"
        and (at.in_clause or at.before == "like")
    ):
        return OBJECT, f"before '{at.after} than'"
    if at.after in words("frequency") and _acts(at.following):
        return OBJECT, f"before the verb {at.following!r}"
    if at.after in {"being", "having"} and not at.before:
        return DETERMINER, f"her {at.after}"
    if at.after == "best" and at.before in {"do", "does", "did", "doing", "done", "try", "tried", "trying"}:
        return DETERMINER, "did her best"
    if at.before in words("duration") and at.after in words("quantity") | {"long"}:
        return OBJECT, f"{at.before} her {at.after}"
    if at.document.gap(at.next)[:1] in {"-", "‑"}:
        return DETERMINER, "before a compound"
    return None


def _acts(word: str) -> bool:
    """Whether a word is a verb with an ending, as "wins"."""
    return word in words("verb_finite") or (word.endswith("s") and word[:-1] in words("verb_base"))


def capital(at: Her) -> Verdict | None:
    """A name or title after it: "her Majesty", but "called her Ann"."""
    raw = at.document.raw(at.next)
    if not raw[:1].isupper() or at.document.text.isupper() or at.after in {"i", "mr", "mrs", "ms", "dr"}:
        return None
    if at.before in words("strong_ditransitive") and at.after not in words("possessed", "paired"):
        return None, f"what comes after '{at.before} her' may be given to her or be hers"
    named = at.before in words("appoint") - words("make") and at.after not in words("possessed")
    if named or (at.before.startswith("call") and at.after in words("kin_titles")):
        return OBJECT, f"{at.before} her {raw}"
    if at.before in {"taught", "teach", "teaches", "teaching"} and at.after_stands:
        return OBJECT, f"{at.before} her {raw}"
    if at.before in words("ditransitive") and at.document.gap(at.next)[:1] in {"'", "’"}:
        return OBJECT, "what is given is someone else's"
    return DETERMINER, "before a name or title"


def pair(at: Her) -> Verdict | None:
    """ "her or his", "her and his brother"."""
    if at.after not in {"or", "and"} or at.next + 1 >= len(at.document):
        return None
    other = at.document.lower[at.next + 1]
    if other not in {"his", "her", "their", "my", "your", "our"}:
        return OBJECT, f"before {at.after!r}"
    if at.after == "or" and not stands(at.document, at.next + 1):
        return DETERMINER, "a pair of possessives"
    return OBJECT, f"before {at.after!r}"


def mixed(at: Her) -> Verdict | None:
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


def _degree(at: Her) -> Verdict:
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


def _noun_or_adverb(at: Her) -> Verdict:  # noqa: PLR0911 - an ordered list of decisions
    body = words("body_verb", "preposition") | {"and", ""}
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
    if at.after == "right" and at.following in {"now", "away", "then", "there", "here", "after", "before"}:
        return OBJECT, f"before 'right {at.following}'"
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


def function_word(at: Her) -> Verdict | None:
    """A word that begins no noun phrase makes it an object."""
    if at.after in words("function"):
        return OBJECT, f"before {at.after!r}"
    return None


def adverb(at: Her) -> Verdict | None:
    """An adverb in -ly that no noun follows: "kissed her gently"."""
    if at.after in words("time_adverb") and at.in_clause and at.after_stands:
        return OBJECT, f"before {at.after!r}"
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


def time(at: Her) -> Verdict | None:
    """ "saw her last week", "kissed her first"."""
    when = at.after in {"last", "next", "one", "every"} and at.following in words("time_noun")
    told = (
        at.in_clause
        or at.after == "every"
        or (at.before in {"from", "to", "with"} and ends_phrase(at.document, at.next + 1))
    )
    if when and told:
        return OBJECT, f"before {at.after} {at.following}"
    if not at.in_clause:
        return None
    adverb = at.after in {"first", "last", "next", "better", "best", "later", "earlier"}
    if adverb and at.after_stands and at.following not in {"ever", "and"}:
        return OBJECT, f"before the adverb {at.after!r}"
    return None
