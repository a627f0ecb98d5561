"""her → his or him; his → her or hers: decided by the words around, or left undecided.

The order of the rules is the argument: what follows "her" settles most cases (nothing or a function word: an
object), the verb before settles the rest, and where the verb takes two objects and the noun needs no article
("gave her time") the word stays undecided.
"""

from __future__ import annotations

import re

from counterpoise.counterfactual.english import words
from counterpoise.counterfactual.tokens import Document

OBJECT, DETERMINER, PRONOUN = "object", "determiner", "pronoun"

_NOT_ADVERBS = frozenset(
    "family only early lovely friendly daily lonely belly jelly ugly silly holy elderly weekly monthly yearly assembly "
    "bully ally fly reply supply italy lily sally molly emily kelly billy holly polly sickly likely costly deadly "
    "lively ghostly motherly fatherly womanly manly worldly heavenly orderly hourly quarterly july".split()
)
_NUMBERS = frozenset("two three four five six seven eight nine ten twelve twenty thirty many few several".split())
_OBJECT_BREAK = re.compile(r"^\s*[.,;:!?)\]…—–*]|^\s*--|^\s+-\s|^[\"”’']+(?:[\s.,;:!?)]|$)|\n")


def ends_phrase(document: Document, index: int) -> bool:
    """Whether the phrase ends right after word ``index``: punctuation, a closing quote or the end of the text."""
    return index + 1 >= len(document) or bool(_OBJECT_BREAK.search(document.gap(index)))


def her(document: Document, index: int) -> tuple[str | None, str]:
    """What "her" at word ``index`` is: ``object`` (→ him), ``determiner`` (→ his), or ``None``; and why."""
    if document.gap(index)[:1] in {"'", "’"} and document.lower[index + 1 : index + 2] == ["s"]:
        return None, "her's is not a word"
    if ends_phrase(document, index):
        return _paired(document, index)
    if any(mark in document.gap(index) for mark in "/-"):
        return None, "part of a compound"
    after = document.lower[index + 1]
    if any(character.isdigit() for character in document.gap(index)):
        return DETERMINER, "before a number"
    if after == "own":
        return DETERMINER, "her own"
    if after in words("function_or_noun"):
        return _before_mixed(document, index)
    if after in words("function"):
        return _before_function(document, index)
    return _before_content(document, index)


def his(document: Document, index: int) -> tuple[str | None, str]:
    """What "his" at word ``index`` is: ``determiner`` (→ her), ``pronoun`` (→ hers), or ``None``; and why."""
    if ends_phrase(document, index):
        return PRONOUN, "nothing follows"
    after = document.lower[index + 1]
    if after in {"or", "and"} and document.lower[index + 2 : index + 3] in (["her"], ["their"], ["hers"], ["my"], ["your"]):
        stands = index + 3 >= len(document) or document.lower[index + 2] == "hers" or ends_phrase(document, index + 2)
        return (PRONOUN if stands else DETERMINER), "a pair of possessives"
    if "/" in document.gap(index):
        return None, "part of a compound"
    if after in {"to", "is", "was", "are", "were", "and", "or", "but", "alone", "when", "because", "if", "as", "than",
                 "that", "who", "which", "for", "from", "with", "without", "at", "by", "has", "had", "have", "would",
                 "should", "could", "not", "too", "so", "the", "a", "until", "after", "before", "since", "while"}:
        return PRONOUN, f"before {after!r}"
    if after in {"in", "on", "will", "can", "by", "now"} and document.previous_word(index) in {"of", "is", "was", "were"}:
        return PRONOUN, "of his"
    return DETERMINER, "before a noun phrase"


def _paired(document: Document, index: int) -> tuple[str | None, str]:
    """"His, her and their books": a possessive though a comma follows."""
    comma = document.gap(index).strip() == "," if index + 1 < len(document) else False
    if comma and document.lower[index + 1] in {"his", "their", "my", "your", "our"}:
        return DETERMINER, "in a list of possessives"
    return OBJECT, "nothing follows"


def _before_function(document: Document, index: int) -> tuple[str | None, str]:
    after = document.lower[index + 1]
    if after in {"and", "or"} and document.lower[index + 2 : index + 3] in (["his"], ["their"], ["my"], ["your"], ["our"]):
        last = index + 2
        stands = ends_phrase(document, last) or document.next_word(last) in words("function")
        return (OBJECT if stands else DETERMINER), "a pair of possessives"
    return OBJECT, f"before {after!r}"


def _before_mixed(document: Document, index: int) -> tuple[str | None, str]:
    """Before words like "back", "past", "very", "most": a noun phrase if one can follow."""
    after, rest = document.lower[index + 1], index + 1
    if after in {"very", "most", "more", "less", "once", "then", "now", "even", "still", "just", "really"}:
        following = document.lower[rest + 1] if rest + 1 < len(document) else ""
        if "-" in document.gap(rest):
            return DETERMINER, "before a compound"
        stands = ends_phrase(document, rest) or following in words("function") or following in {"much", "well"}
        return (OBJECT, f"before the adverb {after!r}") if stands else (DETERMINER, "before a noun phrase")
    if after in {"back", "down", "past", "future", "present", "inside", "outside", "home", "left", "right"}:
        return _back(document, index)
    if after in {"alone", "like", "well", "over", "under", "off", "up", "out", "in", "all", "both", "each", "near"}:
        hyphen = "-" in document.gap(rest) and "laws" not in document.lower[rest + 1]
        if "-" in document.gap(rest):
            return DETERMINER, "before a compound"
        return (DETERMINER if hyphen else OBJECT), f"before {after!r}"
    if after == "only":
        person = document.next_word(rest)
        return (OBJECT, "before the adverb 'only'") if not person or person in words("function") else (DETERMINER, "her only")
    return (DETERMINER, f"before the noun {after!r}") if after in {"will", "might", "can", "own"} and not _clause(document, rest) else (OBJECT, f"before {after!r}")


def _clause(document: Document, index: int) -> bool:
    """Whether an auxiliary at ``index`` is followed by a verb rather than by the end or a preposition."""
    return document.next_word(index) in words("verb_base") | {"not", "have", "be", "never"}


def _back(document: Document, index: int) -> tuple[str | None, str]:
    after, rest = document.lower[index + 1], index + 1
    following = document.next_word(rest)
    before = document.previous_word(index)
    if after in {"past", "future", "present"}:
        motion = following in {"the", "a", "his", "her", "their"} or before in {"walked", "ran", "drove", "rushed"}
        return (OBJECT, f"before {after!r}") if motion else (DETERMINER, f"before the noun {after!r}")
    if after in {"left", "right"}:
        noun = following and following not in words("function")
        return (DETERMINER, f"her {after}") if noun or before in {"on", "to", "from"} else (OBJECT, f"before {after!r}")
    if after == "home":
        moved = before in _BRING
        return (OBJECT, "brought home") if moved else (DETERMINER, "her home")
    verb = following in words("verb_finite") or following in {"hurt", "hurts", "ached", "aches", "pain", "yard", "door", "pocket", "seat"}
    preposition = before in {"on", "behind", "in", "at", "against", "of", "with", "to", "across", "down", "scratched", "turned", "turning", "broke", "broken", "hurt", "arched", "rubbed", "straightened", "bad", "and"}
    return (DETERMINER, f"before the noun {after!r}") if verb or preposition else (OBJECT, f"before {after!r}")


_BRING = frozenset(
    "take takes took taken taking bring brings brought bringing drive drives drove driving walk walks walked walking "
    "send sends sent sending follow followed follows carry carried escort escorted see saw get got call called let "
    "accompany accompanied invite invited welcome welcomed ride rode leave drag dragged rush rushed fly flew lead led".split()
)


def _before_content(document: Document, index: int) -> tuple[str | None, str]:
    after = document.lower[index + 1]
    before = document.previous_word(index)
    for rule in (_adverb, _last_time, _complement, _bare_verb, _participle, _two_objects, _clause_after):
        verdict = rule(document, index, before, after)
        if verdict is not None:
            return verdict
    return DETERMINER, "before a noun phrase"


Verdict = tuple[str | None, str] | None


def _stands(document: Document, index: int) -> bool:
    """Whether no noun follows word ``index``: the phrase ends or a function word comes."""
    return ends_phrase(document, index) or document.lower[index + 1] in words("function")


def _adverb(document: Document, index: int, before: str, after: str) -> Verdict:
    if after.endswith("ly") and after not in _NOT_ADVERBS and _stands(document, index + 1):
        return OBJECT, f"before the adverb {after!r}"
    return None


def _last_time(document: Document, index: int, before: str, after: str) -> Verdict:
    following = document.next_word(index + 1)
    if after in {"last", "next", "one", "every"} and following in words("time_noun"):
        return OBJECT, f"before {after} {following}"
    if after in {"first", "last", "next", "better", "best"} and _stands(document, index + 1) and before not in {"of", "for", "in", "at", "to"}:
        return OBJECT, f"before the adverb {after!r}"
    return None


def _complement(document: Document, index: int, before: str, after: str) -> Verdict:
    if after in words("adjective") and _stands(document, index + 1) and before not in {"of", "in", "for", "with", "to", "from"}:
        return OBJECT, f"{after!r} says what she is"
    if before in words("appoint") and after in words("roles") and _stands(document, index + 1):
        return OBJECT, f"{before} her {after}"
    if before in {"call", "called", "calls", "calling"} and after in {"names", "crazy", "stupid"}:
        return OBJECT, "called her names"
    return None


def _bare_verb(document: Document, index: int, before: str, after: str) -> Verdict:
    if after not in words("verb_base"):
        return None
    if before in words("causative"):
        if after in words("noun_or_verb") and before in {"have", "having", "made", "make", "makes", "making"} and after in {"dress", "face", "drink", "sleep", "cut", "move", "turn", "work", "wish"} and not _stands(document, index + 1):
            return None
        return OBJECT, f"{before} her {after}"
    if before in words("perception"):
        if after in words("noun_or_verb") and (ends_phrase(document, index + 1) and before in {"hear", "heard", "hearing", "feel", "felt"}):
            return None, f"{after!r} is a noun or a verb here"
        if after in words("noun_or_verb") and before not in {"see", "saw", "watch", "watched", "watching", "seeing", "hear", "heard"}:
            return None
        return OBJECT, f"{before} her {after}"
    return None


def _participle(document: Document, index: int, before: str, after: str) -> Verdict:
    if after.endswith("ing") and after not in {"king", "ring", "thing", "string", "wedding", "clothing", "ceiling", "evening", "morning", "feeling", "being", "earring", "darling", "sibling", "offspring", "building", "meaning", "spring", "wing", "writing", "painting", "meeting", "upbringing", "feelings", "beginning", "training", "childhood", "acting", "singing", "cooking", "hearing", "breathing", "thinking", "understanding", "standing", "living", "savings", "bedding", "stuffing", "icing", "drawing", "recording", "setting", "blessing", "funding", "reading", "teaching", "wellbeing", "calling", "timing", "parenting", "modeling", "dancing"}:
        follows = _stands(document, index + 1)
        if before in words("perception") | {"stop", "stopped", "prevent", "prevented", "start", "started", "send", "sent", "have", "had", "get", "got", "want", "wanted", "mind"} and follows:
            return OBJECT, f"{before} her {after}"
    if after.endswith("ed") and _stands(document, index + 1) and not ends_phrase(document, index + 1):
        if before in {"have", "had", "get", "got", "see", "saw", "want", "wanted", "wants", "leave", "left", "keep", "kept", "make", "made", "find", "found", "hear", "heard"}:
            return OBJECT, f"{before} her {after}"
    return None


def _two_objects(document: Document, index: int, before: str, after: str) -> Verdict:
    if before not in words("ditransitive") or after in words("possessed"):
        return None
    head = _head(document, index + 1)
    bare = document.lower[head] in words("mass") or after in _NUMBERS or _is_plural(document.lower[head])
    if not bare or (head == index + 1 and document.lower[head] in words("possessed")):
        return None
    following = document.lower[head + 1] if head + 1 < len(document) and not ends_phrase(document, head) else ""
    if following in {"to", "away", "up", "back", "off"} and before not in {"teach", "taught", "tell", "told"}:
        return DETERMINER, "what is given goes elsewhere"
    return None, f"{before} her {after}: {after!r} may be given to her or be hers"


def _head(document: Document, index: int) -> int:
    """The last word of the noun phrase that starts at ``index`` (at most three words on)."""
    head = index
    while head < index + 3 and document.joined(head) and not _stands(document, head):
        following = document.lower[head + 1]
        if following in words("verb_finite") or following.endswith("ed") or document.lower[head] in words("mass"):
            break
        head += 1
    return head


def _is_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ous"))


def _clause_after(document: Document, index: int, before: str, after: str) -> Verdict:
    """"the man who loved her died": a finite verb follows the object."""
    if after in words("perfect_past") and after not in {"felt", "left", "lost", "broke", "met"}:
        return OBJECT, f"before the verb {after!r}"
    return None
