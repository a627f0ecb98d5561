"""The report as the dashboard shows it first: what came out and the criteria, each outcome in front of its row."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby

OUTCOME = "outcome"
WIDTH = 118
"""Characters of a table in a window of 1,440 pixels, of which each column takes :data:`COLUMN` for its margins."""
COLUMN, NARROWEST = 4, 12
SECTION = re.compile(r"^## ", re.MULTILINE)
_OUTCOMES = re.compile(rf"^\|.*\b{OUTCOME}\b.*\|$", re.MULTILINE)
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"^[\s|:-]+$")
_RANGE, _PERCENT = re.compile(r"(?<=\d)–(?=\d)"), re.compile(r"(?<=\d) %")


def front_page(markdown: str) -> str:
    """The report up to the end of the section with the first table of outcomes; a report without one as it is.

    >>> front_page("# r\\n\\n## criteria\\n\\n| outcome | claim |\\n\\n## scores\\n\\nb")
    '# r\\n\\n## criteria\\n\\n| outcome | claim |\\n'
    """
    table = _OUTCOMES.search(markdown)
    after = SECTION.search(markdown, table.end()) if table else None
    return markdown[: after.start()].rstrip() + "\n" if after else markdown


def laid_out(markdown: str) -> str:
    """Every table with its outcome column first, and no wider than the dashboard: it breaks no line of a table itself.

    >>> print(laid_out("| claim | outcome |\\n|---|:-:|\\n| a | holds |"))
    | outcome | claim |
    |:-:|---|
    | holds | a |
    """
    lines, done = markdown.split("\n"), []
    for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        block = list(group)
        whole = is_table and len(block) > 1 and _RULE.match(block[1])
        done += _table(block) if whole else block
    return "\n".join(done)


def _table(lines: list[str]) -> list[str]:
    rows = [[cell.strip() for cell in _BETWEEN_CELLS.split(line.strip())[1:-1]] for line in lines]
    names = [name.lower() for name in rows[0]]
    column = names.index(OUTCOME) if OUTCOME in names else 0
    rows = [[row[column], *row[:column], *row[column + 1 :]] if column < len(row) else row for row in rows]
    rule = rows.pop(1)
    rows = [[_broken(cell, limit) for cell, limit in zip(row, _limits(rows), strict=False)] for row in rows]
    rows = [[_held_together(cell) for cell in row] for row in rows]
    rows.insert(1, rule)
    return [_row(row, rule=number == 1) for number, row in enumerate(rows)]


def _held_together(cell: str) -> str:
    """A cell in which no browser breaks a line within an interval, or between a number and its percent sign.

    >>> _held_together("54.9 % (0.0–1.2)")
    '54.9\\xa0% (0.0\\u2060–\\u20601.2)'
    """
    return _PERCENT.sub("\u00a0%", _RANGE.sub("\u2060–\u2060", cell))


def _row(cells: list[str], rule: bool) -> str:
    between = "|" if rule else " | "
    return f"|{between.join(cells)}|" if rule else f"| {between.join(cells)} |"


def _limits(rows: list[list[str]]) -> list[int]:
    """Characters of each column: what it has, or an equal share of what the narrow ones leave."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=False)]
    left, wide = WIDTH - COLUMN * len(widths), len(widths)
    for width in sorted(widths):
        if width * wide > left:
            break
        left, wide = left - width, wide - 1
    return [max(left // wide, NARROWEST)] * len(widths) if wide else widths


def _broken(cell: str, limit: int) -> str:
    if len(cell) <= limit or "`" in cell or "](" in cell:
        return cell
    return "<br>".join(textwrap.wrap(cell, limit, break_long_words=False, break_on_hyphens=False))
