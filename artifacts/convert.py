"""Between records and Arrow: columns from dataclasses and frames, dataclasses from rows."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from counterpoise.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


def table_from_records(name: str, schema: pa.Schema, rows: Sequence[Any]) -> pa.Table:
    """An Arrow table from dataclass records with the schema's field names.

    Raises:
        DataError: a field is missing or a value does not have its column's type.
    """
    if rows:
        have = [field.name for field in dataclasses.fields(rows[0])]
        unknown = sorted(set(have) ^ set(schema.names))
        if unknown:
            raise DataError(
                f"table {name!r} and the record {type(rows[0]).__name__} differ in {', '.join(unknown)}",
                f"expected {', '.join(schema.names)}",
            )
    columns = [_array(name, field, [_plain(getattr(row, field.name)) for row in rows]) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(name: str, field: pa.Field[Any], values: list[Any]) -> pa.Array[Any]:
    try:
        array: pa.Array[Any] = pa.array(values, type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        row, value = next(
            ((row, value) for row, value in enumerate(values) if not _fits(field, value)), (0, "?")
        )
        raise DataError(
            f"table {name!r}, column {field.name!r}, row {row} (from 0) is {value!r}, expected {field.type}",
            "correct the value where it is made",
        ) from None
    return array


def _fits(field: pa.Field[Any], value: Any) -> bool:
    try:
        pa.array([value], type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _plain(value: Any) -> Any:
    """Nested records as the mappings that Arrow structs take."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def table_from_frame(name: str, schema: pa.Schema, frame: pd.DataFrame) -> pa.Table:
    """An Arrow table from a data frame; NaN counts as empty, the index is left out.

    Raises:
        DataError: a column is missing or unknown, or does not have its type.
    """
    unknown = sorted({str(column) for column in frame.columns} ^ set(schema.names))
    if unknown:
        raise DataError(
            f"table {name!r} and the data frame differ in the columns {', '.join(unknown)}",
            f"expected {', '.join(schema.names)}",
        )
    columns = []
    for field in schema:
        try:
            columns.append(pa.array(frame[field.name], type=field.type, from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            columns.append(_array(name, field, frame[field.name].tolist()))
    return pa.table(columns, schema=schema)


def record_maker(record: type[T]) -> Callable[[dict[str, Any]], T]:
    """A function that makes ``record`` from a row; nested records and tuples follow its type hints."""
    hints = typing.get_type_hints(record)
    nested = {name: make for name, hint in hints.items() if (make := _maker(hint)) is not None}

    def made(row: dict[str, Any]) -> T:
        return record(**{name: nested.get(name, _same)(value) for name, value in row.items()})

    return made


def _same(value: Any) -> Any:
    return value


def _maker(hint: Any) -> Callable[[Any], Any] | None:
    """How to rebuild a value of type ``hint``; None when it comes back as it is."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _optional(next((make for item in arguments if (make := _maker(item)) is not None), None))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record_maker(hint)
    if hint is tuple or origin in {tuple, Sequence}:
        inner = (_maker(arguments[0]) if arguments else None) or _same
        return lambda value: tuple(inner(item) for item in value)
    return None


def _optional(make: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if make is None else lambda value: None if value is None else make(value)
