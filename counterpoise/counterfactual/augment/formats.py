"""Parquet and JSONL as streams of shards; the only place that knows either format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from counterpoise.counterfactual.augment.job import COLUMNS, Job
from counterpoise.counterfactual.fluency import Fluency
from counterpoise.counterfactual.serial import json_line
from counterpoise.errors import DataError, UsageError

Payload = Any
"""A shard of the input as it travels to a worker: an Arrow table or a list of raw lines."""

Rows = Sequence[tuple[int, dict[str, Any]]]
"""Output rows: the input row's place in its shard, and the added columns."""

BOM = b"\xef\xbb\xbf"
"""A byte order mark, which some editors write before the first line."""
_SPAN: list[pa.Field[Any]] = [pa.field("start", pa.int64()), pa.field("end", pa.int64())]
_EDIT = pa.struct(
    [
        *_SPAN,
        *(pa.field(name, pa.string()) for name in ("original", "replacement", "rule", "axis")),
        pa.field("confidence", pa.float64()),
    ]
)
_REFUSAL = pa.struct([*_SPAN, pa.field("term", pa.string()), pa.field("reason", pa.string())])
_COLUMNS: list[pa.Field[Any]] = [
    pa.field("counterfactual", pa.string()),
    pa.field("changed", pa.bool_()),
    pa.field("axis", pa.string()),
    pa.field("direction", pa.string()),
    pa.field("confidence", pa.float64()),
    pa.field("reversible", pa.bool_()),
    pa.field("edits", pa.list_(_EDIT)),
    pa.field("refusals", pa.list_(_REFUSAL)),
]
_ADDED = pa.schema(_COLUMNS)


class Format(Protocol):
    """How shards of one file format are read, written and joined."""

    def total(self, job: Job) -> int:
        """Size of the input, in the units of :meth:`size`."""

    def size(self, payload: Payload) -> int:
        """Size of one shard: rows (Parquet) or bytes (JSONL)."""

    def shards(self, job: Job) -> Iterator[Payload]:
        """The input in order, ``job.shard_rows`` rows at a time."""

    def texts(self, job: Job, payload: Payload, first_row: int) -> list[str | None]:
        """The text of each row."""

    def write(self, payload: Payload, rows: Rows, path: Path) -> None:
        """One output shard."""

    def join(self, shards: Sequence[Path], target: Path) -> None:
        """All shards as one file."""

    def pairs(self, job: Job, path: Path) -> list[tuple[str, str] | None]:
        """(original, counterfactual) of each row of an output shard; ``None`` where nothing changed."""

    def write_scored(self, source: Path, verdicts: Sequence[Fluency | None], drop: bool, path: Path) -> None:
        """An output shard with ``log_ratio`` and ``plausible``, without implausible rows if ``drop``."""


def format_of(job: Job) -> Format:
    """The format of the job's files.

    Raises:
        UsageError: the two files do not have the same supported suffix.
    """
    known: dict[str, Callable[[], Format]] = {".parquet": Parquet, ".jsonl": JsonLines}
    if job.source.suffix != job.target.suffix or job.source.suffix not in known:
        raise UsageError(
            f"{job.source.name} → {job.target.name}: expected .parquet → .parquet or .jsonl → .jsonl",
            "rename the output, or convert the input first",
        )
    return known[job.source.suffix]()


class Parquet:
    """Parquet through pyarrow, a record batch at a time."""

    def total(self, job: Job) -> int:
        """Rows of the file."""
        schema = self._open(job).schema_arrow
        if job.column not in schema.names:
            raise DataError(
                f"{job.source}: no column {job.column!r}; columns are {', '.join(schema.names)}",
                "name it with --column",
            )
        kind = schema.field(job.column).type
        if not _is_text(kind):
            raise DataError(
                f"{job.source}: column {job.column!r} is {kind}, not text", "name a text column with --column"
            )
        inside = [field for field in schema if pa.types.is_nested(field.type) and "_view" in str(field.type)]
        if inside:
            raise DataError(
                f"{job.source}: column {inside[0].name!r} is {inside[0].type}, whose rows Arrow cannot copy yet",
                "write it with string in place of string_view, or leave the column out",
            )
        taken = [name for name in COLUMNS if name in schema.names]
        if taken:
            raise DataError(
                f"{job.source}: already has the column {', '.join(taken)}",
                "rename it, or augment the original file",
            )
        return int(self._open(job).metadata.num_rows)

    def size(self, payload: Payload) -> int:
        """Rows."""
        return int(payload.num_rows)

    def shards(self, job: Job) -> Iterator[Payload]:
        """Tables of ``job.shard_rows`` rows; batches that end early at a row group are put together."""
        pending: list[pa.RecordBatch] = []
        rows = 0
        for batch in self._open(job).iter_batches(batch_size=job.shard_rows):
            pending.append(batch)
            rows += batch.num_rows
            if rows >= job.shard_rows:
                table = pa.Table.from_batches(pending)
                yield table.slice(0, job.shard_rows)
                rest = table.slice(job.shard_rows)
                pending, rows = rest.to_batches(), rest.num_rows
        if rows:
            yield pa.Table.from_batches(pending)

    def texts(self, job: Job, payload: Payload, first_row: int) -> list[str | None]:
        """The column as Python text; bytes that are not UTF-8 become surrogate escapes."""
        column = payload.column(job.column).cast(pa.large_string())
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:
            raw = column.cast(pa.large_binary()).to_pylist()
            return [None if value is None else value.decode("utf-8", "surrogateescape") for value in raw]

    def write(self, payload: Payload, rows: Rows, path: Path) -> None:
        """The input's columns, then the added ones."""
        table = _without_views(payload).take(pa.array([place for place, _ in rows], pa.int64()))
        new = pa.Table.from_pylist([values for _, values in rows], schema=_ADDED)
        for name in _ADDED.names:
            table = table.append_column(_ADDED.field(name), new.column(name))
        pq.write_table(table, path, compression="zstd")

    def join(self, shards: Sequence[Path], target: Path) -> None:
        """One row group a shard."""
        with pq.ParquetWriter(target, pq.read_schema(shards[0]), compression="zstd") as writer:
            for shard in shards:
                writer.write_table(pq.read_table(shard))

    def pairs(self, job: Job, path: Path) -> list[tuple[str, str] | None]:
        """From the shard's three columns."""
        table = pq.read_table(path, columns=[job.column, "counterfactual", "changed"])
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return [(text, swapped) if changed else None for text, swapped, changed in rows]

    def write_scored(self, source: Path, verdicts: Sequence[Fluency | None], drop: bool, path: Path) -> None:
        """Two more columns, null where nothing changed."""
        table = pq.read_table(source)
        ratios = [verdict and verdict.log_ratio for verdict in verdicts]
        plausible = [verdict and verdict.plausible for verdict in verdicts]
        table = table.append_column("log_ratio", pa.array(ratios, pa.float64()))
        table = table.append_column("plausible", pa.array(plausible, pa.bool_()))
        if drop:
            table = table.filter(pa.array([kept is not False for kept in plausible], pa.bool_()))
        pq.write_table(table, path, compression="zstd")

    def _open(self, job: Job) -> pq.ParquetFile:
        try:
            # Read-ahead keeps what it has read of every row group: memory would grow with the file.
            return pq.ParquetFile(job.source, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{job.source}: not a readable Parquet file: {error}", "check the path and the file"
            ) from None


def _without_views(table: Any) -> Any:
    """``table`` with view columns in the older layout of the same values: Arrow takes no rows of a view yet."""
    older = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    fields = [field.with_type(older.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields, table.schema.metadata))


def _is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, in any of the ways that Arrow stores it; one of nulls alone does."""
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    return any(holds(kind) for holds in kinds)


class JsonLines:
    """One JSON object a line; a line's other members and their order are kept."""

    def total(self, job: Job) -> int:
        """Bytes of the file."""
        return job.source.stat().st_size

    def size(self, payload: Payload) -> int:
        """Bytes."""
        return sum(map(len, payload))

    def shards(self, job: Job) -> Iterator[Payload]:
        """Lists of raw lines."""
        with job.source.open("rb") as lines:
            while chunk := list(islice(lines, job.shard_rows)):
                yield chunk

    def texts(self, job: Job, payload: Payload, first_row: int) -> list[str | None]:
        """The text member of each line.

        Raises:
            DataError: a line is not a JSON object with that member as text or null; the message names it.
        """
        return [_text(job, line, first_row + place + 1) for place, line in enumerate(payload)]

    def write(self, payload: Payload, rows: Rows, path: Path) -> None:
        """The input's members, then the added ones."""
        with path.open("wb") as out:
            for place, values in rows:
                out.write(json_line({**_object(payload[place]), **values}))

    def join(self, shards: Sequence[Path], target: Path) -> None:
        """The shards' bytes, one after the other."""
        with target.open("wb") as out:
            for shard in shards:
                with shard.open("rb") as part:
                    while block := part.read(1 << 20):
                        out.write(block)

    def pairs(self, job: Job, path: Path) -> list[tuple[str, str] | None]:
        """From the lines' members."""
        with path.open("rb") as lines:
            rows = [_object(line) for line in lines]
        return [(row[job.column], row["counterfactual"]) if row["changed"] else None for row in rows]

    def write_scored(self, source: Path, verdicts: Sequence[Fluency | None], drop: bool, path: Path) -> None:
        """Two more members, null where nothing changed."""
        with source.open("rb") as lines, path.open("wb") as out:
            for line, verdict in zip(lines, verdicts, strict=True):
                if drop and verdict is not None and not verdict.plausible:
                    continue
                ratio, plausible = (verdict.log_ratio, verdict.plausible) if verdict else (None, None)
                out.write(json_line({**_object(line), "log_ratio": ratio, "plausible": plausible}))


def _object(line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line.removeprefix(BOM).decode("utf-8", "surrogateescape"))
    return row


def _text(job: Job, line: bytes, number: int) -> str | None:
    where = f"{job.source}, line {number}"
    try:
        row = _object(line)
    except ValueError as error:
        raise DataError(
            f"{where}: not JSON: {error}", "one JSON object a line; fix or remove the line"
        ) from None
    if not isinstance(row, dict) or job.column not in row:
        raise DataError(f"{where}: no member {job.column!r}", "name it with --column")
    if not isinstance(row[job.column], str | None):
        raise DataError(
            f"{where}: {job.column!r} is {type(row[job.column]).__name__}, not text",
            "name a text member with --column",
        )
    taken = [name for name in COLUMNS if name in row]
    if taken:
        raise DataError(
            f"{where}: already has the member {', '.join(taken)}", "rename it, or augment the original file"
        )
    text: str | None = row[job.column]
    return text
