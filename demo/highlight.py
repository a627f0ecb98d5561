"""Texts as escaped HTML, with the identity terms that the counterfactual engine knows marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from counterpoise.counterfactual.analysis import analyse
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.matcher import Index
from counterpoise.counterfactual.tokens import Document


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of a text, in characters, and what to say about it."""

    start: int
    end: int
    title: str
    kind: str = "term"


class Terms:
    """Finds identity terms with the engine's lexicon and its rules about context: no black coffee."""

    def __init__(self, engine: Engine) -> None:
        self._axes = tuple(engine.lexicon.axes)
        self._index = Index([engine.lexicon.axes[axis] for axis in self._axes])

    def marks(self, text: str) -> list[Mark]:
        """The identity terms of ``text``, left to right, each with its axis and groups."""
        document = Document(text)
        found = []
        for axis, here in analyse(document, self._index, self._axes).items():
            for mention in here.mentions:
                groups = dict.fromkeys(reading.group for reading in mention.readings)
                span = document.starts[mention.match.first], document.ends[mention.match.last]
                found.append(Mark(*span, f"{axis}: {', '.join(groups)}"))
        return sorted(found, key=lambda mark: mark.start)


def marked(text: str, marks: Iterable[Mark]) -> str:
    """``text`` as HTML: everything escaped, each marked span in a ``<mark>`` (overlaps: the first one)."""
    parts, at = [], 0
    for mark in marks:
        if mark.start < at:
            continue
        parts.append(escape(text[at : mark.start]))
        parts.append(
            f'<mark class="{escape(mark.kind)}" title="{escape(mark.title)}">'
            f"{escape(text[mark.start : mark.end])}</mark>"
        )
        at = mark.end
    return "".join([*parts, escape(text[at:])])


def parted(marks: Iterable[Mark], at: int) -> tuple[list[Mark], list[Mark]]:
    """The marks before character ``at`` of a text, and those from there on, counted from there.

    >>> parted([Mark(0, 2, "a"), Mark(3, 6, "b")], 4)[1]
    [Mark(start=0, end=2, title='b', kind='term')]
    """
    known = list(marks)
    before = [replace(mark, end=min(mark.end, at)) for mark in known if mark.start < at]
    after = [
        replace(mark, start=max(0, mark.start - at), end=mark.end - at) for mark in known if mark.end > at
    ]
    return before, after


def html_table(caption: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts, all escaped, that scrolls sideways where it does not fit."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def notice(text: str, kind: str = "note") -> str:
    """One escaped line that a screen reader is told of."""
    return f'<p class="{escape(kind)}" role="status">{escape(text)}</p>' if text else ""
