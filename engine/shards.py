"""Long work in pieces that are committed as they are done, so that a killed stage goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.engine.job import Job

Item = TypeVar("Item")
Row = TypeVar("Row")
Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


def in_shards(
    job: Job,
    name: str,
    items: Sequence[Item],
    size: int,
    compute: Callable[[Sequence[Item]], Sequence[Row]],
    spec: TableSpec,
    record: type[Row],
    each: Each = map,
) -> list[Row]:
    """``compute`` over ``items`` in pieces of ``size``, in order; finished pieces come from the scratch folder.

    Args:
        name: distinguishes the shards of several loops in one stage.
        spec: the table that a shard is written as.
        each: how the pieces are computed, one after the other or several at a time; it gives them in order.
    """
    from counterpoise.artifacts.parquet import read_records, write_table

    pieces = {
        f"{name}-{start // size:05d}.parquet": items[start : start + size]
        for start in range(0, len(items), size)
    }
    done = set(job.scratch.restore())
    rows: list[Row] = []
    seen = 0
    with _closed(each(compute, [piece for shard, piece in pieces.items() if shard not in done])) as computed:
        for shard, piece in pieces.items():
            path = job.scratch.folder / shard
            if shard not in done:
                write_table(path, spec, list(next(computed)))
                job.scratch.save(shard)
            rows += read_records(path, spec, record)
            seen += len(piece)
            job.progress(seen, len(items))
    return rows


@contextmanager
def _closed(computed: Iterator[Row]) -> Iterator[Iterator[Row]]:
    """``computed``, closed at the end where it can be: pieces that nobody waits for are not begun."""
    try:
        yield computed
    finally:
        if isinstance(computed, Generator):
            computed.close()
