"""The revised CrowS-Pairs (Névéol et al. 2022, and corrections since) beside the original.

The revision repairs or removes pairs that do not form a minimal pair, and keeps the original row numbers, so
that both editions can be compared pair by pair. Its files carry an extra category, ``other``, and a slip or
two; the pipeline's strict reader refuses them, this one reports what it leaves out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.errors import DataError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import CATEGORIES, Pair

OTHER = "other"
COLUMNS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
_REMEDY = "expected a CSV with the columns of CrowS-Pairs, its row numbers in the first"


@dataclass(frozen=True, slots=True)
class Revised:
    """The pairs of a revised file.

    Attributes:
        pairs: the usable ones; ``pair_id`` is the row number of the original benchmark.
        left_out: original row number and reason of each other one.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[int, str], ...]


def parse_revised(data: bytes, where: str) -> Revised:
    """The pairs in a revised file's bytes, in file order. Categories are compared in lower case.

    Raises:
        DataError: not UTF-8, a missing column, a row number that is none or occurs twice, or no usable pair.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: {error}", _REMEDY) from None
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise DataError(f"{where}: no rows, or no column {', '.join(missing)}", _REMEDY)
    numbers = [_number(row, line, where) for line, row in enumerate(rows, start=2)]
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise DataError(f"{where}: row number {twice} occurs twice", _REMEDY)
    found = [(number, row, _fault(row)) for number, row in zip(numbers, rows, strict=True)]
    pairs = tuple(_pair(number, row) for number, row, fault in found if fault is None)
    if not pairs:
        raise DataError(f"{where}: no usable pair in {len(rows)} rows", _REMEDY)
    return Revised(pairs, tuple((number, fault) for number, _, fault in found if fault is not None))


def _number(row: dict[str, str], line: int, where: str) -> int:
    value = next(iter(row.values()))
    if value is None or not value.strip().isdigit():
        raise DataError(f"{where}, line {line}: {value!r} is not a row number", _REMEDY)
    return int(value)


def _fault(row: dict[str, str]) -> str | None:
    more, less, direction, category = (str(row[name] or "").strip() for name in COLUMNS)
    if category.lower() not in (*CATEGORIES, OTHER):
        return f"unknown bias_type {category!r}"
    if direction not in ("stereo", "antistereo"):
        return f"unknown stereo_antistereo {direction!r}"
    if not more or not less:
        return "an empty sentence"
    return "identical sentences" if more == less else None


def _pair(number: int, row: dict[str, str]) -> Pair:
    more, less, direction, category = (row[name].strip() for name in COLUMNS)
    return Pair(number, category.lower(), "stereo" if direction == "stereo" else "antistereo", more, less)


def with_original_folds(revised: Revised, original: Sequence[FoldedPair]) -> list[FoldedPair]:
    """The revised pairs, each with the context group and fold of the original pair it corrects.

    Raises:
        DataError: a revised row corrects no pair of ``original``.
    """
    by_id = {item.pair_id: item for item in original}
    unknown = [pair.pair_id for pair in revised.pairs if pair.pair_id not in by_id]
    if unknown:
        raise DataError(
            f"revised row {unknown[0]} corrects no pair of the run's benchmark ({len(unknown)} such rows)",
            "use it with the original CrowS-Pairs, whose row numbers it keeps",
        )
    return [
        FoldedPair.of(pair, by_id[pair.pair_id].group, by_id[pair.pair_id].fold) for pair in revised.pairs
    ]
