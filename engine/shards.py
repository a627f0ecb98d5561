"""Long work in pieces that are committed as they are done, so that a killed stage goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any, TypeVar

from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.engine.job import Job

Item = TypeVar("Item")
Row = TypeVar("Row")
Each = Callable[[Callable[[Any], Any], Sequence[Any]], Generator[Any, None, None]]


def in_shards(
    job: Job,
    name: str,
    items: Sequence[Item],
    size: int,
    compute: Callable[[Sequence[Item]], Sequence[Row]],
    spec: TableSpec,
    record: type[Row],
    each: Each | None = None,
) -> list[Row]:
    """``compute`` over ``items`` in pieces of ``size``, in order; finished pieces come from the scratch folder.

    Args:
        name: distinguishes the shards of several loops in one stage.
        spec: the table that a shard is written as.
        each: computes the pieces several at a time and gives them in order; default: one after the other.
    """
    from counterpoise.artifacts.parquet import read_records, write_table

    pieces = {
        f"{name}-{start // size:05d}.parquet": items[start : start + size]
        for start in range(0, len(items), size)
    }
    done = set(job.scratch.restore())
    missing = [piece for shard, piece in pieces.items() if shard not in done]
    rows: list[Row] = []
    seen = 0
    with closing((each or _in_turn)(compute, missing)) as computed:
        for shard, piece in pieces.items():
            path = job.scratch.folder / shard
            if shard not in done:
                write_table(path, spec, list(next(computed)))
                job.scratch.save(shard)
            rows += read_records(path, spec, record)
            seen += len(piece)
            job.progress(seen, len(items))
    return rows


def _in_turn(compute: Callable[[Item], Row], items: Sequence[Item]) -> Generator[Row, None, None]:
    yield from map(compute, items)
