"""Tables for a terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table as RichTable

from counterpoise.report.tables import Table
from counterpoise.report.words import DASH, plain


def rich_table(table: Table, title: str = "") -> RichTable:
    """A table as Rich draws it."""
    drawn = RichTable(title=escape(title) or None, title_justify="left", box=None, padding=(0, 1, 0, 0))
    cells = list(zip(*(map(_breakable, row.cells) for row in table.rows), strict=True))
    for column, values in zip(table.columns, cells or [()] * len(table.columns), strict=True):
        if column.align != "right":
            drawn.add_column(
                escape(column.title), min_width=4, overflow="ellipsis"
            )  # narrow terminals cut words,
            continue
        longest = max(
            (len(word) for cell in values for word in cell.split()), default=0
        )  # numbers take two lines
        spaced = any(" " in cell for cell in values)
        drawn.add_column(escape(column.title), justify="right", min_width=longest, no_wrap=not spaced)
    for row in table.rows:
        drawn.add_row(*(escape(_breakable(cell)) for cell in row.cells), style="bold" if row.strong else None)
    return drawn


def _breakable(cell: str) -> str:
    """A cell whose intervals may take two lines."""
    return plain(cell).replace(DASH, f" {DASH} ")
