"""A report as Markdown, charts inside as data URIs: it shows in Prefect's dashboard as it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence

from counterpoise.report.blocks import (
    Answer,
    Bullets,
    ChartBlock,
    Column,
    Details,
    Document,
    Examples,
    Paragraph,
    Row,
    Section,
    Table,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+|~!&$])")
_BULLET = re.compile(r"^(\s*)([-=])", re.MULTILINE)
_NUMBERED = re.compile(r"^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)


def to_markdown(document: Document) -> str:
    """GitHub-flavoured Markdown without raw HTML."""
    numbers = Table(
        "In brief",
        (Column("", "left"), Column("base"), Column("tuned"), Column("", "left")),
        [Row((item.label, item.before, item.after, item.note)) for item in document.numbers],
    )
    parts = [
        f"# {escape(document.title)}",
        escape(document.subtitle),
        f"## {escape(document.headline)}",
        f"**{escape(document.sentence)}**",
        _table(numbers),
        *(_section(section) for section in document.sections),
    ]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """``text`` so that Markdown shows it as it is, on one line per line.

    >>> print(escape("*a* | <b>"), escape("1. May"), escape("0.5"))
    \\*a\\* \\| \\<b\\> 1\\. May 0.5
    """
    special = _SPECIAL.sub(r"\\\1", text)
    return _NUMBERED.sub(r"\1\\\2", _BULLET.sub(r"\1\\\2", special))


def _section(section: Section) -> str:
    return "\n\n".join(
        [f"## {escape(section.title)}", *(_BLOCKS[block.kind](block) for block in section.blocks)]
    )


def _paragraph(block: Paragraph) -> str:
    lead = f"**{escape(block.lead)}** " if block.lead else ""
    return (lead + escape(block.text)).strip()


def _bullets(block: Bullets) -> str:
    return "\n".join(f"- {escape(item)}" for item in block.items)


def _table(block: Table) -> str:
    rules = {"left": ":---", "right": "---:", "code": ":---"}
    head = [
        _line([escape(column.title) or " " for column in block.columns]),
        _line([rules[column.align] for column in block.columns]),
    ]
    body = [_line(_cells(row, block.columns)) for row in block.rows]
    return f"*{escape(block.caption)}*\n\n" + "\n".join(head + body)


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    cells = [
        f"`{cell}`" if column.align == "code" and cell else escape(" ".join(cell.split()))
        for cell, column in zip(row.cells, columns, strict=True)
    ]
    return [f"**{cell}**" if cell and row.strong else cell for cell in cells]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _chart(block: ChartBlock) -> str:
    data = base64.b64encode(block.chart.svg).decode()
    return f"![{escape(block.chart.alt)}](data:image/svg+xml;base64,{data})\n\n*{escape(block.caption)}*"


def _examples(block: Examples) -> str:
    shown = [
        "\n\n".join([f"**{escape(item.label)}** — {_flat(item.prompt)} …", *map(_answer, item.answers)])
        for item in block.items
    ]
    return "\n\n---\n\n".join(shown)


def _answer(answer: Answer) -> str:
    scores = f" *({escape(answer.scores)})*" if answer.scores else ""
    return f"> **{escape(answer.title)}:** {_flat(answer.text)}{scores}"


def _flat(text: str) -> str:
    return escape(" ⏎ ".join(line.strip() for line in text.splitlines() if line.strip()))


def _details(block: Details) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
    return f"*{escape(block.title)}*\n\n{fence}\n{block.text}\n{fence}"


_BLOCKS: dict[str, Callable[..., str]] = {
    "paragraph": _paragraph,
    "bullets": _bullets,
    "table": _table,
    "chart": _chart,
    "examples": _examples,
    "details": _details,
}
