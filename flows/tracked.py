"""What a tracker gets of one run: its settings, training curves and measures, as tags and values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from counterpoise.config import RunConfig

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingStep
    from counterpoise.measures.results import Results

    Curves = Mapping[str, Sequence[TrainingStep]]


@dataclass(frozen=True)
class Tracked:
    """What a tracker gets of one run.

    Attributes:
        run: the run's id.
        training: the optimiser's steps, by adapter.
    """

    run: str
    config: RunConfig
    results: Results
    training: Curves

    @property
    def settings(self) -> dict[str, bool | int | float | str]:
        """``section.field`` → value; a list as JSON."""
        return dict(_flat(self.config.model_dump(mode="json")))

    def curve_points(self) -> Iterator[tuple[str, float, int]]:
        """(tag, value, step) of everything that a training step says."""
        for label, steps in self.training.items():
            for row in steps:
                for name, value in asdict(row).items():
                    if name != "step" and math.isfinite(value):
                        yield f"{label}/{name}", value, row.step

    def measure_points(self) -> Iterator[tuple[str, float, int]]:
        """(tag, value, 0) of base, tuned and change of every measure; what was not measured is left out."""
        for row in self.results.measures:
            for side in ("base", "tuned", "change"):
                if math.isfinite(value := getattr(row, side)):
                    yield f"{side}/{row.label}", value, 0


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            plain = isinstance(value, bool | int | float | str)
            yield f"{above}{name}", value if plain else json.dumps(value)
