"""What a table of ours looks like. Arrow is loaded only where a table is written or read: to plan needs none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        kind: Arrow's name of its type, as ``int32`` or ``list<int32>``, or the type itself.
        description: meaning and unit.
        nullable: whether a row may leave it empty.
    """

    name: str
    kind: str | pa.DataType
    description: str
    nullable: bool = False

    @property
    def field(self) -> pa.Field[Any]:
        """As Arrow has it, with its description."""
        import pyarrow as pa  # noqa: PLC0415

        kind = _arrow(self.kind) if isinstance(self.kind, str) else self.kind
        return pa.field(self.name, kind, self.nullable, metadata={"description": self.description})


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415

    inner = re.fullmatch(r"list<(\w+)>", kind)
    if inner:
        return pa.list_(_arrow(inner[1]))
    named: Any = pa.type_for_alias  # its stubs know names only one by one
    return cast("pa.DataType", named(kind))


@dataclass(frozen=True)
class TableSpec:
    """A table.

    Attributes:
        name: of the table, kept in each file.
        version: raised when the columns change; part of the keys of stages that read or write it.
    """

    name: str
    version: int
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        for column in self.columns:
            if not column.description:
                raise ValueError(f"{self.name}.{column.name} has no description")

    @cached_property
    def schema(self) -> pa.Schema:
        """As Arrow has it; each field carries ``{"description": …}``."""
        import pyarrow as pa  # noqa: PLC0415

        return pa.schema([column.field for column in self.columns])

    @property
    def stored_schema(self) -> pa.Schema:
        """The schema with the table's name and version, as files carry it."""
        return self.schema.with_metadata({NAME: self.name.encode(), VERSION: str(self.version).encode()})


NAME, VERSION = b"counterpoise.table", b"counterpoise.version"
"""Where a file says which table it holds."""
