"""What a stage's compute function is handed: its inputs' files, its output folder, progress and a stop signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from counterpoise.artifacts.scratch import Scratch
from counterpoise.artifacts.store import Ref, Store
from counterpoise.artifacts.table_spec import TableSpec
from counterpoise.records import Progress

if TYPE_CHECKING:
    from counterpoise.config import RunConfig

Record = TypeVar("Record")


@dataclass
class Job:
    """One computation of one stage.

    Attributes:
        config: the run's configuration.
        fold: the held-out fold this computation is for, or None.
        out: empty folder whose files become the artifact.
        scratch: working folder that survives a kill, for shards and checkpoints.
        progress: call with (done, total); raises ``Stopped`` where the process was asked to stop.
        tell: the same without stopping, for a stage that asks ``should_stop`` itself and saves before it ends.
        should_stop: whether the process was asked to stop.
        rows: rows of the artifact's main table (its first), for people to see.
        says: what the stage came to in a few words of ASCII, for people to see.
    """

    config: RunConfig
    fold: int | None
    store: Store
    out: Path
    scratch: Scratch
    progress: Progress
    tell: Progress
    should_stop: Callable[[], bool]
    rows: int | None = field(default=None)
    says: str = field(default="")

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.config.seed

    @property
    def held_out_fold(self) -> int:
        """The fold this computation holds out.

        Raises:
            ValueError: the stage was run without one.
        """
        if self.fold is None:
            raise ValueError("this stage is run once for each held-out fold; none was given")
        return self.fold

    def folder(self, ref: Ref) -> Path:
        """A local folder with the files of an upstream artifact."""
        return self.store.fetch(ref)

    def read(self, ref: Ref, spec: TableSpec, record: type[Record]) -> list[Record]:
        """An upstream table as records."""
        from counterpoise.artifacts.parquet import read_records

        return read_records(self.folder(ref) / f"{spec.name}.parquet", spec, record)

    def table(self, ref: Ref, spec: TableSpec) -> Any:
        """An upstream table as :class:`pyarrow.Table`."""
        from counterpoise.artifacts.parquet import read_table

        return read_table(self.folder(ref) / f"{spec.name}.parquet", spec)

    def write(self, spec: TableSpec, rows: Sequence[Any]) -> None:
        """Writes a table of the artifact; the first one gives its row count."""
        from counterpoise.artifacts.parquet import write_table

        write_table(self.out / f"{spec.name}.parquet", spec, rows)
        self.rows = len(rows) if self.rows is None else self.rows
