"""From a term and a direction to an edit, and from edits to the swapped text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from counterpoise.counterfactual.agreement import article_for, takes_an
from counterpoise.counterfactual.casing import carry, kind_of
from counterpoise.counterfactual.lexicon import Reading
from counterpoise.counterfactual.matcher import Match
from counterpoise.counterfactual.records import Direction, Edit, Refusal, Swap
from counterpoise.counterfactual.resolve.names import is_first_name
from counterpoise.counterfactual.resolve.people import says_pity
from counterpoise.counterfactual.resolve.slots import decide
from counterpoise.counterfactual.tokens import APOSTROPHES, Document

_JOINED = re.compile(r"\b(?:and|or|nor|versus|vs)\b|[/&]", re.IGNORECASE)
_TWICE = re.compile(
    r"\b(?!(?:her|his|him|he|she)\b)(\w{3,}(?: \w+)?)(?: ?/ ?|,? (?:and|or|nor|versus|vs\.?|&) (?:the |a |an )?)\1\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit on its way.

    Attributes:
        first: the first word it covers.
        reversible: whether the opposite edit gives the same word back.
    """

    first: int
    edit: Edit
    reversible: bool


def refusal(document: Document, match: Match, reason: str) -> Refusal:
    """A refusal of the words of ``match``."""
    start, end = document.starts[match.first], document.ends[match.last]
    return Refusal(start, end, document.text[start:end], reason)


def replace(
    document: Document, match: Match, readings: Sequence[Reading], direction: Direction
) -> Draft | Refusal:
    """The edit of one term, or why there is none.

    Args:
        readings: what the term can mean, all of the two groups of ``direction``.
    """
    forms = {
        reading: reading.concept.form(_partner(reading, direction), reading.slot) for reading in readings
    }
    if len(set(forms.values())) > 1:
        slot, why = decide(document, match.first, match.last, frozenset(reading.slot for reading in readings))
        forms = {reading: form for reading, form in forms.items() if reading.slot == slot}
        if not forms:
            return refusal(document, match, f"ambiguous: {why}")
    reading, form = next(iter(forms.items()))
    if form is None:
        return refusal(document, match, f"no-counterpart: {_partner(reading, direction)} has no such word")
    return _draft(document, match, reading, form, _partner(reading, direction))


def _partner(reading: Reading, direction: Direction) -> str:
    return direction[1] if reading.group == direction[0] else direction[0]


def _draft(document: Document, match: Match, reading: Reading, form: str, partner: str) -> Draft:
    concept = reading.concept
    start, end = document.starts[match.first], document.ends[match.last]
    original = document.text[start:end]
    kind = kind_of(form, partner in concept.free)
    opens = document.opens_sentence(match.first)
    replacement = carry(original, reading.kind, _separated(form, original), kind, opens)
    back = carry(replacement, kind, _separated(reading.form, replacement), reading.kind, opens)
    undone = back == original and not reading.alias and (partner, reading.slot) not in concept.silent
    undone = undone and _reads_back(document, match, reading, form, partner)
    tail = _possessive(document, match, original, replacement)
    if tail is not None:
        original, replacement, end = original + tail[0], replacement + tail[1], end + len(tail[0])
        undone = undone and reading.slot == "plural"
    edit = Edit(start, end, original, replacement, concept.rule, concept.axis, concept.confidence)
    return Draft(match.first, edit, undone)


def _separated(form: str, original: str) -> str:
    """``form`` with the hyphens or spaces of ``original``, where both have as many words."""
    if " " in original and "-" not in original and original.count(" ") == form.count("-") and " " not in form:
        return form.replace("-", " ")
    if "-" in original and " " in form and original.count("-") == form.count(" ") and " " not in original:
        return form.replace(" ", "-")
    return form


def _reads_back(document: Document, match: Match, reading: Reading, form: str, partner: str) -> bool:
    """Whether the replacement, standing where the term stood, would be read as the same form."""
    concept = reading.concept
    if reading.slot == "name":
        return is_first_name(document, match.first, form.lower()) is None
    if form == "poor" and says_pity(document, match.last):
        return False
    theirs = concept.forms[partner]
    slots = frozenset(slot for slot, other in zip(concept.slots, theirs, strict=True) if other == form)
    if len({concept.form(reading.group, slot) for slot in slots}) < 2:
        return True
    return decide(document, match.first, match.last, slots)[0] == reading.slot


def _possessive(document: Document, match: Match, original: str, replacement: str) -> tuple[str, str] | None:
    """The possessive ending where the two words take different ones: grandmothers' but men's."""
    end = document.ends[match.last]
    text = document.text
    mark = text[end : end + 1]
    if mark not in APOSTROPHES or not mark:
        return None
    ours, theirs = original.lower().endswith("s"), replacement.lower().endswith("s")
    if (
        ours
        and not theirs
        and not text[end + 1 : end + 2].isalpha()
        and not _closes_quote(text, match, document)
    ):
        return mark, mark + ("S" if original.isupper() else "s")
    if (
        theirs
        and not ours
        and text[end + 1 : end + 2].lower() == "s"
        and not text[end + 2 : end + 3].isalpha()
    ):
        plural = match.entry.readings[0].slot == "plural" or any(
            r.slot == "plural" for r in match.entry.readings
        )
        return (text[end : end + 2], mark) if plural else None
    return None


def _closes_quote(text: str, match: Match, document: Document) -> bool:
    """Whether the apostrophe after the match closes a quotation that opened before it."""
    before = text[: document.starts[match.first]]
    opened = before.count(" '") + before.count("‘") + before.startswith("'")
    return opened > 0


def apply(
    document: Document, drafts: Iterable[Draft], refusals: list[Refusal], used: dict[str, Direction]
) -> Swap:
    """Every edit at once on the original text, a/an following; all other characters stay."""
    drafts = sorted(drafts, key=lambda draft: draft.first)
    edits: list[Edit] = []
    for draft in drafts:
        article = _article(document, draft)
        if article is not None:
            edits.append(article)
        edits.append(draft.edit)
    parts, at = [], 0
    for edit in edits:
        parts += [document.text[at : edit.start], edit.replacement]
        at = edit.end
    parts.append(document.text[at:])
    return Swap(
        text=document.text,
        swapped="".join(parts),
        edits=tuple(edits),
        refusals=tuple(sorted(refusals, key=lambda item: (item.start, item.end, item.reason))),
        directions=used,
        reversible=all(draft.reversible and _article_was_right(document, draft) for draft in drafts),
    )


def _article_before(document: Document, first: int) -> int | None:
    if first and document.lower[first - 1] in {"a", "an"}:
        gap = document.gap(first - 1)
        if gap.strip("\"'“‘(* ") == "" and " " in gap:
            return first - 1
    return None


def _article(document: Document, draft: Draft) -> Edit | None:
    at = _article_before(document, draft.first)
    edit = draft.edit
    if at is None or takes_an(edit.original) == takes_an(edit.replacement):
        return None
    written = document.raw(at)
    needed = article_for(written, edit.replacement)
    if needed == written:
        return None
    return Edit(
        document.starts[at], document.ends[at], written, needed, "agreement", edit.axis, edit.confidence
    )


def _article_was_right(document: Document, draft: Draft) -> bool:
    at = _article_before(document, draft.first)
    return at is None or (document.lower[at] == "an") == takes_an(draft.edit.original)


def named_twice(document: Document, drafts: list[Draft]) -> str | None:
    """Why the edits would make two groups one, as "Latinos and Latinas" would become "Whites and Whites"."""
    if not _JOINED.search(document.text):
        return None
    same = _TWICE.search(apply(document, drafts, [], {}).swapped)
    if same is None or _TWICE.search(document.text):
        return None
    return f"whole: {same.group()!r} would name one group twice"
