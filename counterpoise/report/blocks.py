"""A report as data: sections of plain blocks that Markdown and HTML both render, so their facts agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from counterpoise.charts.style import Chart

Tone = Literal["", "good", "bad", "caution"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; ``lead`` stands before it in bold."""

    text: str
    lead: str = ""
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of plain texts."""

    items: Sequence[str]
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True, slots=True)
class Column:
    """A table column; ``code`` is for keys and hashes."""

    title: str
    align: Literal["left", "right", "code"] = "right"


@dataclass(frozen=True, slots=True)
class Row:
    """A table row of plain texts; ``strong`` for totals, ``tone`` for a row that needs attention."""

    cells: Sequence[str]
    strong: bool = False
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption that says what it holds; ``folded`` hides its rows until asked for."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    folded: bool = False
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class ChartBlock:
    """A chart and what to look at in it."""

    chart: Chart
    caption: str
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True, slots=True)
class Answer:
    """One continuation with each classifier's toxicity of prompt and continuation together."""

    title: str
    text: str
    scores: str


@dataclass(frozen=True, slots=True)
class Example:
    """Two continuations of one prompt."""

    label: str
    prompt: str
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Examples:
    """Continuations side by side."""

    items: Sequence[Example]
    kind: Literal["examples"] = "examples"


@dataclass(frozen=True, slots=True)
class Details:
    """Preformatted text that is folded away."""

    title: str
    text: str
    kind: Literal["details"] = "details"


Block = Paragraph | Bullets | Table | ChartBlock | Examples | Details


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the report; ``anchor`` is its stable address in the page."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default=())


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One number of the summary strip: before → after."""

    label: str
    before: str
    after: str
    note: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    tone: Literal["good", "caution", "bad"]
    headline: str
    sentence: str
    numbers: Sequence[KeyNumber]
    sections: Sequence[Section]
