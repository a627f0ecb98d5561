"""Typed Parquet tables: one schema and version each, the same rows always the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq

from counterpoise.artifacts.convert import record_maker, table_from_frame, table_from_records
from counterpoise.artifacts.failures import disk_errno, store_error
from counterpoise.artifacts.table_spec import NAME, VERSION, TableSpec
from counterpoise.errors import DataError, StoreError
from counterpoise.files import replacing

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

_ROW_GROUP = 65_536


def write_table(path: Path, spec: TableSpec, rows: Sequence[Any] | pd.DataFrame | pa.Table) -> None:
    """Writes ``rows`` as the table ``spec``; equal rows give equal bytes.

    Args:
        path: the file; it appears complete or not at all.
        rows: records (dataclasses with the columns' names), a data frame, or an Arrow table.

    Raises:
        DataError: a column is missing, unknown, of another type, or empty where it must not be.
        StoreError: the file cannot be written.
    """
    table = _as_table(spec, rows)
    try:
        with replacing(path, durable=False) as draft:
            pq.write_table(
                table,
                draft,
                compression="zstd",
                compression_level=3,
                row_group_size=_ROW_GROUP,
                version="2.6",
                data_page_version="1.0",
                write_statistics=True,
            )
    except OSError as error:
        if disk_errno(error) is None and not path.parent.is_dir():
            raise StoreError(f"the folder {path.parent} does not exist", "create it first") from None
        raise store_error(error, str(path)) from error


def read_table(path: Path, spec: TableSpec) -> pa.Table:
    """The Arrow table in ``path``.

    Raises:
        StoreError: the file is absent, is not Parquet, or holds another table or version than ``spec``.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_stored(path, spec, file.schema_arrow)
            return file.read().cast(spec.stored_schema)
    except FileNotFoundError:
        raise StoreError(f"the table {path} does not exist", "run the stage that writes it") from None
    except (pa.ArrowException, OSError) as error:
        text = " ".join(str(error).split())
        raise StoreError(
            f"{path} is not a readable Parquet file: {text}", "run again: it is computed anew"
        ) from None


def read_records(path: Path, spec: TableSpec, record: type[T]) -> list[T]:
    """The rows of ``path`` as ``record`` dataclasses, in file order; lists come back as tuples.

    Raises:
        StoreError: as :func:`read_table`.
    """
    make = record_maker(record)
    return [make(row) for row in read_table(path, spec).to_pylist()]


def _check_stored(path: Path, spec: TableSpec, schema: pa.Schema) -> None:
    metadata = schema.metadata or {}
    name, version = metadata.get(NAME, b"?").decode(), metadata.get(VERSION, b"?").decode()
    if (name, version) != (spec.name, str(spec.version)):
        raise StoreError(
            f"{path} holds table {name!r} version {version}, expected {spec.name!r} version {spec.version}",
            "run again with this version: the table is computed anew",
        )
    if not schema.equals(spec.schema):
        different = [field.name for field in spec.schema if field not in list(schema)]
        raise StoreError(
            f"{path}: the columns of {spec.name!r} version {version} differ from what it should have"
            f" ({', '.join(different) or 'order'})",
            "raise the version of the table's schema when it changes",
        )


def _as_table(spec: TableSpec, rows: Sequence[Any] | pd.DataFrame | pa.Table) -> pa.Table:
    if isinstance(rows, pa.Table):
        table = rows
    elif hasattr(rows, "columns"):
        table = table_from_frame(spec.name, spec.schema, cast("pd.DataFrame", rows))
    else:
        table = table_from_records(spec.name, spec.schema, rows)
    _check_columns(spec, table)
    columns = [_column(spec, field, table.column(field.name)) for field in spec.schema]
    return pa.Table.from_arrays(columns, schema=spec.stored_schema).combine_chunks()


def _check_columns(spec: TableSpec, table: pa.Table) -> None:
    missing = [name for name in spec.schema.names if name not in table.column_names]
    unknown = [name for name in table.column_names if name not in spec.schema.names]
    if missing or unknown:
        parts = [f"lacks the column {', '.join(missing)}"] if missing else []
        parts += [f"has the unknown column {', '.join(unknown)}"] if unknown else []
        raise DataError(
            f"table {spec.name!r} " + " and ".join(parts), f"expected {', '.join(spec.schema.names)}"
        )


def _column(spec: TableSpec, field: pa.Field[Any], column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    if column.type != field.type:
        if not (_is_text(column.type) and _is_text(field.type)):
            raise DataError(
                f"table {spec.name!r}, column {field.name!r} has type {column.type}, expected {field.type}",
                "convert it before writing",
            )
        column = column.cast(field.type)
    if not field.nullable and column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError(
            f"table {spec.name!r}, column {field.name!r}, row {row} (from 0) is empty",
            "give every row a value",
        )
    return column


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
