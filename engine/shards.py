"""Long work in pieces that are committed as they are done, so that a killed stage goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.engine.job import Job

Item = TypeVar("Item")
Row = TypeVar("Row")


def in_shards(
    job: Job,
    name: str,
    items: Sequence[Item],
    size: int,
    compute: Callable[[Sequence[Item]], Sequence[Row]],
    spec: TableSpec,
    record: type[Row],
) -> list[Row]:
    """``compute`` over ``items`` in pieces of ``size``, in order; finished pieces come from the scratch folder.

    Args:
        name: distinguishes the shards of several loops in one stage.
        spec: the table that a shard is written as.
    """
    from counterpoise.artifacts.parquet import read_records, write_table

    done = set(job.scratch.restore())
    rows: list[Row] = []
    for start in range(0, len(items), size):
        shard = f"{name}-{start // size:05d}.parquet"
        path = job.scratch.folder / shard
        if shard not in done:
            write_table(path, spec, list(compute(items[start : start + size])))
            job.scratch.save(shard)
        rows += read_records(path, spec, record)
        job.progress(min(start + size, len(items)), len(items))
    return rows
