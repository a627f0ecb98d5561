"""Finished runs go into the trackers that the configuration names. A cached run is written just the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.config import RunConfig
from counterpoise.engine.run_record import RunRecord
from counterpoise.errors import UsageError
from counterpoise.extras import require_extra
from counterpoise.flows.tracked import Tracked

if TYPE_CHECKING:
    from counterpoise.artifacts.store import Store
    from counterpoise.flows.tracked import Curves
    from counterpoise.measures.results import Results


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
