"""Whether the writer of a text speaks of himself or to somebody: then it is no report."""

from __future__ import annotations

import re

from counterpoise.counterfactual.resolve.capitals import headline
from counterpoise.counterfactual.tokens import Document

_TALK = frozenset(["i", "me", "my", "mine", "we", "us", "our", "you", "your", "im", "ive"])
_TOLD = 9
"""Letters outside a quotation that make a report of it."""
_QUOTATION = re.compile(r"[\"“][^\"“”]*(?:[\"”]|$)")


def talks(document: Document) -> bool:
    """Whether the writer speaks of himself or to somebody: neither in a quotation nor in a title."""
    if _TALK.isdisjoint(document.lower):
        return False
    quoted = _quotations(document)
    for at, word in enumerate(document.lower):
        if word not in _TALK or any(start < document.starts[at] < end for start, end in quoted):
            continue
        opens = (
            document.opens_sentence(at) and not document.raw(at).isupper() and not _in_a_title(document, at)
        )
        said = _is_i(document, at) if word == "i" else document.raw(at).islower() or opens
        if said or headline(document):
            return True
    return False


def _is_i(document: Document, at: int) -> bool:
    """Whether it is the writer, and not an initial, "i.e.", "Baha'i" or "World War I"."""
    if document.gap(at)[:1] == "." or document.before(at)[-1:] in {"'", "’"}:
        return False
    before = document.raw(at - 1) if document.previous_word(at) else ""
    return not before.istitle() or document.opens_sentence(at - 1)


def _in_a_title(document: Document, at: int) -> bool:
    """ "Fort Minor: We Major": a capital after it, and not at the beginning."""
    return at > 0 and document.joined(at) and document.raw(at + 1).istitle()


def _quotations(document: Document) -> list[tuple[int, int]]:
    """Where quotations begin and end, if the text is more than a quotation."""
    if '"' not in document.text and "“" not in document.text:
        return []
    spans = [found.span() for found in _QUOTATION.finditer(document.text)]
    inside = sum(end - start for start, end in spans)
    return spans if inside + _TOLD < len(document.text) else []
