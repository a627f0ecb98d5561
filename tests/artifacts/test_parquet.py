"""Tables: what comes back is what went in, equal rows are equal bytes, and bad rows are named."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.artifacts.parquet import read_records, read_table, write_table
from counterpoise.artifacts.table_spec import Column, TableSpec
from counterpoise.errors import CounterpoiseError, DataError, StoreError


@dataclass(frozen=True)
class Edit:
    start: int
    word: str


@dataclass(frozen=True)
class Row:
    row_id: int
    text: str
    score: float
    note: str | None
    edits: tuple[Edit, ...]


SPEC = TableSpec(
    "rows",
    3,
    (
        Column("row_id", "int32", "number of the row, from 0"),
        Column("text", "string", "the sentence"),
        Column("score", "float64", "log-probability, nats"),
        Column("note", "string", "remark", nullable=True),
        Column("edits", pa.list_(pa.struct([("start", pa.int32()), ("word", pa.string())])), "swaps"),
    ),
)
ROWS = [Row(0, "héllo", -1.5, None, (Edit(0, "he"), Edit(7, "she"))), Row(1, "", 0.1, "x", ())]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def test_records_round_trip_with_nested_records_and_tuples(path: Path) -> None:
    write_table(path, SPEC, ROWS)
    assert read_records(path, SPEC, Row) == ROWS


rows = st.lists(
    st.builds(
        Row,
        row_id=st.integers(-(2**31), 2**31 - 1),
        text=st.text(st.characters(codec="utf-8")),
        score=st.floats(allow_nan=False),
        note=st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
        edits=st.lists(st.builds(Edit, st.integers(0, 99), st.sampled_from(["he", "she"])), max_size=2).map(
            tuple
        ),
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(rows)
def test_any_records_round_trip_and_equal_rows_are_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, records: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_table(folder / "a", SPEC, records)
    write_table(folder / "b", SPEC, read_table(folder / "a", SPEC))
    assert read_records(folder / "a", SPEC, Row) == records
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_a_data_frame_gives_the_same_bytes_as_records_and_loses_its_index(path: Path) -> None:
    flat = TableSpec("flat", 1, SPEC.columns[:4])
    frame = pd.DataFrame(
        {"score": [-1.5, 0.1], "note": [None, "x"], "row_id": [0, 1], "text": ["héllo", ""]}, index=[7, 3]
    )
    write_table(path, flat, frame)

    @dataclass(frozen=True)
    class Flat:
        row_id: int
        text: str
        score: float
        note: str | None

    other = path.with_name("other")
    write_table(other, flat, [Flat(0, "héllo", -1.5, None), Flat(1, "", 0.1, "x")])
    assert path.read_bytes() == other.read_bytes()
    assert b"pandas" not in path.read_bytes()


def test_name_version_and_column_descriptions_stand_in_the_file(path: Path) -> None:
    write_table(path, SPEC, ROWS)
    schema = pq.read_schema(path)
    assert schema.metadata == {b"counterpoise.table": b"rows", b"counterpoise.version": b"3"}
    assert schema.field("score").metadata[b"description"] == b"log-probability, nats"
    assert [item.nullable for item in schema] == [False, False, False, True, False]


def test_an_empty_table_keeps_its_schema(path: Path) -> None:
    write_table(path, SPEC, [])
    assert read_records(path, SPEC, Row) == []
    assert read_table(path, SPEC).schema.equals(SPEC.schema)


def test_a_schema_without_descriptions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bare\.x has no description"):
        TableSpec("bare", 1, (Column("x", "int32", ""),))


def frame(**columns: list[Any]) -> pd.DataFrame:
    good: dict[str, list[Any]] = {
        "row_id": [0, 1],
        "text": ["a", "b"],
        "score": [0.0, 1.0],
        "note": [None, None],
    }
    return pd.DataFrame({**good, "edits": [[], []], **columns})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [Row(0, "a", 0.0, None, ()), Row(2**40, "b", 0.0, None, ())],
            "column 'row_id', row 1 .* 1099511627776",
        ),
        ([Row(0, "a", 0.0, None, ()), Row(1, None, 0.0, None, ())], "column 'text', row 1 .* is empty"),  # type: ignore[arg-type]
        ([Row(0, "a", "high", None, ())], "column 'score', row 0 .* is 'high', expected double"),  # type: ignore[arg-type]
        ([Edit(0, "he")], "record Edit differ in edits, note, row_id, score, start, text, word"),
        (frame().drop(columns="note"), "differ in the columns note"),
        (frame(extra=[1, 2]), "differ in the columns extra"),
        (frame(score=[0.0, float("nan")]), "column 'score', row 1 .* is empty"),
        (frame(row_id=["zero", "one"]), "column 'row_id', row 0 .* is 'zero'"),
        (pa.table({"row_id": [1]}), "lacks the column text, score, note, edits"),
        (pa.table({**{n: [] for n in SPEC.schema.names}, "x": []}), "has the unknown column x"),
        (
            pa.table({n: pa.array([], pa.int64()) for n in SPEC.schema.names}),
            "'row_id' has type int64, expected int32",
        ),
    ],
)
def test_bad_rows_are_named_in_one_line_and_leave_no_file(path: Path, rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        write_table(path, SPEC, rows)
    assert "\n" not in str(caught.value)
    assert list(path.parent.glob("*.parquet*")) == []


def spec(name: str = "rows", version: int = 3, columns: tuple[Column, ...] = SPEC.columns) -> TableSpec:
    return TableSpec(name, version, columns)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (spec(version=4), "table 'rows' version 3, expected 'rows' version 4"),
        (spec(version=2), "version 3, expected 'rows' version 2"),
        (spec(name="pairs"), "expected 'pairs' version 3"),
        (spec(columns=SPEC.columns[1:]), r"columns of 'rows' version 3 differ"),
    ],
)
def test_another_table_version_or_schema_is_refused(path: Path, wanted: TableSpec, message: str) -> None:
    write_table(path, SPEC, ROWS)
    with pytest.raises(StoreError, match=message):
        read_table(path, wanted)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(b""), "not a readable Parquet file"),
        (lambda path: path.write_text("a,b\n1,2\n"), "not a readable Parquet file"),
        (truncate, "not a readable Parquet file"),
    ],
)
def test_unreadable_files_are_one_line(path: Path, damage: Callable[[Path], Any], message: str) -> None:
    write_table(path, SPEC, ROWS)
    damage(path)
    with pytest.raises(StoreError, match=message) as caught:
        read_table(path, SPEC)
    assert "\n" not in str(caught.value)


def test_a_foreign_parquet_file_is_refused(path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(StoreError, match=r"holds table '\?' version \?"):
        read_table(path, SPEC)


def test_writing_into_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        write_table(tmp_path / "no" / "rows.parquet", SPEC, ROWS)


def test_a_full_disk_leaves_no_file_and_the_old_one_intact(path: Path) -> None:
    write_table(path, SPEC, ROWS)
    before = path.read_bytes()
    noise = random.Random(0)
    many = [Row(i, noise.randbytes(64).hex(), float(i), None, ()) for i in range(5_000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(CounterpoiseError, match="larger than this system allows"):
            write_table(path, SPEC, many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.glob(".rows*")] == []
