"""CrowS-Pairs' CSV to validated records (Nangia et al. 2020, EMNLP; CC BY-SA 4.0).

``sent_more`` is the more stereotyping sentence in every row: ``stereo_antistereo`` tells what the row
demonstrates and does not swap the sides.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import get_args

from counterpoise.errors import DataError
from counterpoise.records import CATEGORIES, Direction, Pair

COLUMNS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
"""The columns that must be there; others are ignored."""

_OTHER_EDITION = (
    "fix the row; a revised or translated edition, which has more categories, is read by "
    "`counterpoise score MODEL --benchmark crows-pairs-revised --data FILE`"
)
_REMEDY = "expected CrowS-Pairs' CSV format; fix the row or fetch the file again"


def parse_pairs(data: bytes, where: str) -> list[Pair]:
    """The pairs in a CSV file's bytes, in file order; ``pair_id`` is the row number from 0.

    Args:
        where: the file's name, for messages.

    Raises:
        DataError: broken UTF-8, a missing column, a ragged row, an unknown category or direction, an
            empty or identical sentence, or no rows. The message names the line.
    """
    reader = table(decoded(data, where))
    try:
        _check_header(reader.fieldnames or [], where)
        pairs = [_pair(row, index, f"{where}, line {reader.line_num}") for index, row in enumerate(reader)]
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.reader.line_num}: not valid CSV: {error}", _REMEDY) from None
    if not pairs:
        raise DataError(f"{where}: no rows after the header", _REMEDY)
    return pairs


def table(text: str, *, strict: bool = True) -> csv.DictReader[str]:
    """The rows of a file separated by commas, tabs or semicolons, whichever its header is."""
    header = text.partition("\n")[0]
    separator = next((mark for mark in "\t;" if set(COLUMNS) <= _fields(header, mark)), ",")
    return csv.DictReader(io.StringIO(text, newline=""), strict=strict, delimiter=separator)


def _fields(header: str, separator: str) -> set[str]:
    return {name.strip().strip('"') for name in header.split(separator)}


def decoded(data: bytes, where: str) -> str:
    """UTF-8 bytes as text, without a byte order mark.

    Raises:
        DataError: they are not; the message names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise DataError(
            f"{where}, line {line}: byte 0x{byte:02x} is not UTF-8", "save the file as UTF-8"
        ) from None


def _check_header(header: object, where: str) -> None:
    names = list(header) if isinstance(header, list | tuple) else []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataError(f"{where}: missing column {', '.join(missing)}; the header is {names}", _REMEDY)


def _pair(row: Mapping[str | None, object], index: int, where: str) -> Pair:
    if None in row or None in row.values():
        given = sum(value is not None for key, value in row.items() if key is not None)
        extra = len(row[None]) if isinstance(row.get(None), list) else 0  # type: ignore[arg-type]
        raise DataError(f"{where}: {given + extra} fields where the header has a different number", _REMEDY)
    more, less, direction, category = (str(row[name]).strip() for name in COLUMNS)
    if category not in CATEGORIES:
        raise DataError(
            f"{where}: unknown bias_type {category!r}; known: {', '.join(CATEGORIES)}", _OTHER_EDITION
        )
    if direction not in get_args(Direction):
        raise DataError(f"{where}: stereo_antistereo is {direction!r}, not stereo or antistereo", _REMEDY)
    if not more or not less or more == less:
        fault = "identical sentences" if more else "an empty sentence"
        raise DataError(f"{where}: {fault}", _REMEDY)
    return Pair(index, category, "stereo" if direction == "stereo" else "antistereo", more, less)
