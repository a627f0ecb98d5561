"""Measures for a notebook: a list of them that is also a data frame and a table on the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from counterpoise.measures.measure import Measure, Measures
from counterpoise.report.tables import Row, Table, both, change_table, table, with_unit
from counterpoise.report.words import count

if TYPE_CHECKING:
    import pandas

INTERVALS = ("interval", "base_interval", "tuned_interval", "distance_interval", "null")
BAD = ' style="color:#b3261e"'


class MeasureTable(Measures):
    """The measures of one answer, in order; what was not measured is nan or None.

    Args:
        caption: what was measured, on which model.
    """

    def __init__(self, rows: Iterable[Measure], caption: str) -> None:
        super().__init__(rows)
        self.caption = caption

    def to_frame(self) -> pandas.DataFrame:
        """A row a measure, a column a field of :class:`Measure`; intervals as ``…_low`` and ``…_high``."""
        import pandas as pd  # noqa: PLC0415 - half a second

        return pd.DataFrame([_cells(row) for row in self])

    def __repr__(self) -> str:
        return f"<{self.caption}: {len(self)} measures>"

    def _repr_html_(self) -> str:
        """The measures over everything; those of single groups are folded away."""
        whole = [row for row in self if not row.group]
        groups = [row for row in self if row.group]
        folded = Markup("<details><summary>{} by group</summary>{}</details>").format(
            len(groups), _html(shown(groups))
        )
        parts = Markup("<p><b>{}</b></p>{}").format(self.caption, _html(shown(whole)))
        return str(parts + folded if groups else parts)


def shown(rows: Sequence[Measure]) -> Table:
    """Base, tuned and change; of one model alone its values."""
    side: Literal["base", "tuned"] | None = None
    if rows and all(math.isnan(row.change) for row in rows):
        side = "tuned" if math.isnan(rows[0].base) else "base"
    if side is None:
        return change_table(rows, "measure")
    at = ("base", "tuned").index(side)
    return table(
        ("measure", "n", f"{side} (95 %)"),
        [Row((with_unit(row), count(row.n), both(row)[at])) for row in rows],
    )


def _cells(row: Measure) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if field.name in INTERVALS:
            cells[f"{field.name}_low"], cells[f"{field.name}_high"] = value or (math.nan, math.nan)
        elif field.name == "flips":
            cells["gained"], cells["lost"] = value or (None, None)
        else:
            cells[field.name] = math.nan if value is None else value
    return cells | {"verdict": row.verdict, "outcome": row.outcome}


def _html(shown: Table) -> Markup:
    """The table in the page's own look."""
    head = Markup().join(Markup("<th{}>{}</th>").format(_align(c.align), c.title) for c in shown.columns)
    rows = Markup().join(
        Markup("<tr{}>{}</tr>").format(Markup(BAD) if row.tone == "bad" else "", _tds(shown, row))  # noqa: S704
        for row in shown.rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, rows)


def _tds(shown: Table, row: Row) -> Markup:
    cells = zip(shown.columns, row.cells, strict=True)
    return Markup().join(Markup("<td{}>{}</td>").format(_align(c.align), cell) for c, cell in cells)


def _align(align: str) -> Markup:
    return Markup(' style="text-align:{}"').format("right" if align == "right" else "left")
