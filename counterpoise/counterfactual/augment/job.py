"""What one augmentation is, in full: everything that decides its output."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import Direction, Swap

COLUMNS = (
    "counterfactual",
    "changed",
    "axis",
    "direction",
    "confidence",
    "reversible",
    "edits",
    "refusals",
    "log_ratio",
    "plausible",
)
"""Columns that augmentation adds to every row."""


@dataclass(frozen=True)
class Job:
    """One augmentation.

    Attributes:
        source, target: the files, both ``.parquet`` or both ``.jsonl``.
        column: the column with the text.
        axes: axes swapped together in each text.
        direction: one directed pair of groups; ``None`` for each axis's default.
        every: one output row for each directed swap of each axis on its own, instead of one a text.
        only_changed: leave rows out in which nothing changed.
        config: the engine.
        shard_rows: rows a shard; bounds memory and what a killed run repeats.
        sample: rows on the review page.
        fluency: name of the model that scores swaps, empty for none; it is part of the job's identity.
        min_log_ratio: swaps below it are implausible, nats per token.
        drop_implausible: leave such rows out.
    """

    source: Path
    target: Path
    column: str = "text"
    axes: tuple[str, ...] = ("gender",)
    direction: Direction | None = None
    every: bool = False
    only_changed: bool = False
    config: CounterfactualConfig = field(default_factory=CounterfactualConfig)
    shard_rows: int = 20_000
    sample: int = 300
    fluency: str = ""
    min_log_ratio: float = float("-inf")
    drop_implausible: bool = False

    @property
    def format(self) -> str:
        """``parquet`` or ``jsonl``."""
        return self.target.suffix[1:]

    @property
    def parts(self) -> Path:
        """Where finished shards wait for the others."""
        return self.target.with_name(self.target.name + ".parts")

    def identity(self, fingerprint: str) -> str:
        """sha256 of everything that decides the output: a resumed run must have the same one."""
        stat = self.source.stat()
        parts = (
            str(self.source.resolve()), stat.st_size, stat.st_mtime_ns, self.column, self.axes, self.direction,
            self.every, self.only_changed, self.config.model_dump_json(), self.shard_rows, self.sample, fingerprint,
            self.fluency, self.min_log_ratio, self.drop_implausible,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def swaps(self, engine: Engine, text: str | None) -> list[tuple[str, Swap]]:
        """The output rows of one text, each with the axis or axes it was swapped on."""
        text = text or ""
        if self.every:
            found = [(axis, swap) for axis in self.axes for swap in engine.swaps(text, axis)]
        else:
            found = [("+".join(self.axes), engine.swap(text, self.axes, self.direction))]
        if self.only_changed:
            return [(axis, swap) for axis, swap in found if swap.changed]
        return found or [("+".join(self.axes), engine.swap(text, self.axes))]
