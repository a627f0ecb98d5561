"""Editions of CrowS-Pairs beside the original: revised (Névéol et al. 2022), in other languages, corrected since.

The revision repairs or removes pairs that do not form a minimal pair, and keeps the original row numbers, so
that both editions can be compared pair by pair. Its files are separated by tabs, carry an extra category
(``autre``, which is :data:`OTHER` here), rows of their own (``LA0`` and on) and a slip or two; the pipeline's strict
reader refuses them, this one reports what it leaves out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.errors import DataError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.pairs.parse import COLUMNS, decoded, table
from counterpoise.records import CATEGORIES, Pair

OTHER = "other"
OTHERS = frozenset(
    {OTHER, "autre", "autres", "otro", "otra", "otros", "altro", "altri", "outro", "outros", "andere"}
)
"""What editions in several languages call the category that is none of the nine."""
OWN_ROWS = 1_000_000
"""Rows without an original get pair ids from here on, in file order."""
_REMEDY = "expected a CSV with the columns of CrowS-Pairs, its row numbers in the first"


@dataclass(frozen=True, slots=True)
class Revised:
    """The pairs of a revised file.

    Attributes:
        pairs: the usable ones; ``pair_id`` is the row number of the original benchmark, or :data:`OWN_ROWS` and on
            where the file's name for the row is none, such as ``LA0``.
        left_out: the file's name for each other row, and the reason.
        names: ``pair_id`` → the file's name for the row.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[str, str], ...]
    names: dict[int, str]


def parse_revised(data: bytes, where: str) -> Revised:
    """The pairs in a revised file's bytes, in file order. Categories are compared in lower case.

    Raises:
        DataError: not UTF-8, a missing column, a row whose name is missing or occurs twice, or no usable pair.
    """
    try:
        reader = table(decoded(data, where), strict=False)
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.reader.line_num}: {error}", _REMEDY) from None
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise DataError(f"{where}: no rows, or no column {', '.join(missing)}", _REMEDY)
    _check_lines(rows, where)
    names = [_name(row, line, where) for line, row in enumerate(rows, start=2)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: row number {twice} occurs twice", _REMEDY)
    numbers = {name: _number(name, place) for place, name in enumerate(names)}
    found = [(name, row, _fault(row)) for name, row in zip(names, rows, strict=True)]
    pairs = tuple(_pair(numbers[name], row) for name, row, fault in found if fault is None)
    if not pairs:
        raise DataError(f"{where}: no usable pair in {len(rows)} rows", _REMEDY)
    left_out = tuple((name, fault) for name, _, fault in found if fault is not None)
    return Revised(pairs, left_out, {number: name for name, number in numbers.items()})


def _check_lines(rows: Sequence[dict[str, str]], where: str) -> None:
    """A quotation mark that is never closed would take the rows after it into its sentence, unseen."""
    for number, row in enumerate(rows, start=1):
        if any("\n" in (row[name] or "") for name in COLUMNS):
            raise DataError(
                f"{where}, row {number} after the header: a line break inside a field",
                "a quotation mark is not closed: close it, or write it twice inside quotes",
            )


def _name(row: dict[str, str], line: int, where: str) -> str:
    first = next(iter(row))
    value = (row[first] or "").strip() if first not in COLUMNS else str(line - 2)
    if not value:
        raise DataError(f"{where}, line {line}: no row number", _REMEDY)
    return str(int(value)) if value.isdecimal() else value


def _number(name: str, place: int) -> int:
    return int(name) if name.isdecimal() and int(name) < OWN_ROWS else OWN_ROWS + place


def _fault(row: dict[str, str]) -> str | None:
    more, less, direction, category = (str(row[name] or "").strip() for name in COLUMNS)
    if _category(category) not in (*CATEGORIES, OTHER):
        return f"unknown bias_type {category!r}"
    if direction not in ("stereo", "antistereo"):
        return f"unknown stereo_antistereo {direction!r}"
    if not more or not less:
        return "an empty sentence"
    return "identical sentences" if more == less else None


def _pair(number: int, row: dict[str, str]) -> Pair:
    more, less, direction, category = (row[name].strip() for name in COLUMNS)
    return Pair(number, _category(category), "stereo" if direction == "stereo" else "antistereo", more, less)


def _category(text: str) -> str:
    """A category as the original spells it."""
    name = re.sub(r"[\s_/]+", "-", text.strip().lower())
    return OTHER if name in OTHERS else name


def with_original_folds(
    revised: Revised, original: Sequence[FoldedPair]
) -> tuple[list[FoldedPair], list[tuple[str, str]]]:
    """The revised pairs, each with the context group and fold of the original pair it corrects; and the other rows.

    Raises:
        DataError: no revised row corrects a pair of ``original``.
    """
    by_id = {item.pair_id: item for item in original}
    kept = [
        FoldedPair.of(pair, by_id[pair.pair_id].group, by_id[pair.pair_id].fold)
        for pair in revised.pairs
        if pair.pair_id in by_id
    ]
    if not kept:
        raise DataError(
            f"none of the {len(revised.pairs)} revised rows corrects a pair of the run's benchmark",
            "use it with the original CrowS-Pairs, whose row numbers it keeps",
        )
    beyond = [
        (revised.names[pair.pair_id], "corrects no pair of the run's benchmark")
        for pair in revised.pairs
        if pair.pair_id not in by_id
    ]
    return kept, [*revised.left_out, *beyond]
