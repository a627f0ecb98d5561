"""A finished run's settings, training curves and measures, for trackers. A cached run writes them just the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.config import RunConfig
from counterpoise.engine.run_record import RunRecord
from counterpoise.errors import UsageError
from counterpoise.extras import require_extra

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingStep
    from counterpoise.artifacts.store import Store
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


def check_tracking(config: RunConfig) -> None:
    """Refuses a tracker that could not be written to.

    Raises:
        UsageError: its library is not installed, its folder cannot be one, or its server does not answer.
    """
    if config.tracking.tensorboard:
        require_extra("tensorboard", "tracking.tensorboard", "tensorboard")
        _check_folder(config.tracking.tensorboard)
    if config.tracking.mlflow:
        require_extra("mlflow", "tracking.mlflow", "mlflow")
        from counterpoise.flows.tracking_mlflow import check_server

        check_server(config.tracking.mlflow)


def _check_folder(named: str) -> None:
    folder = Path(named).expanduser().absolute()
    above = next(place for place in (folder, *folder.parents) if place.exists())
    if not above.is_dir():
        raise UsageError(f"tracking.tensorboard = {named!r}: {above} is a file", "name a folder")


def track(config: RunConfig, store: Store, record: Mapping[str, Any], results: Results, report: Path) -> None:
    """Writes the run into the trackers that the configuration names, if it names any.

    Args:
        report: the page that goes along where a tracker keeps files.

    Raises:
        CounterpoiseError: the disk is full or fails, or the server does; nothing new is left there.
    """
    if not (config.tracking.tensorboard or config.tracking.mlflow):
        return
    tracked = Tracked(record["run"], config, results, curves(store, record))
    if config.tracking.tensorboard:
        from counterpoise.flows.tracking_tensorboard import write_events

        write_events(Path(config.tracking.tensorboard).expanduser() / tracked.run, tracked)
    if config.tracking.mlflow:
        from counterpoise.flows.tracking_mlflow import log_run

        log_run(config.tracking.mlflow, tracked, report)


def curves(store: Store, record: Mapping[str, Any]) -> Curves:
    """The optimiser's steps, by training."""
    from counterpoise.alignment.records import TrainingStep
    from counterpoise.artifacts.parquet import read_records
    from counterpoise.artifacts.tables import HISTORY

    return {
        ref.label: read_records(store.fetch(ref) / f"{HISTORY.name}.parquet", HISTORY, TrainingStep)
        for ref in RunRecord(record).refs("adapter")
    }


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            plain = isinstance(value, bool | int | float | str)
            yield f"{above}{name}", value if plain else json.dumps(value)
