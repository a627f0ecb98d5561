"""A finished run's settings, training curves and measures, for TensorBoard. A cached run writes them just the same."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.config import RunConfig
from counterpoise.engine.run_record import RunRecord
from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.extras import require_extra
from counterpoise.files import sync_tree

if TYPE_CHECKING:
    from counterpoise.alignment.records import TrainingStep
    from counterpoise.artifacts.store import Store
    from counterpoise.measures.results import Results

    Curves = Mapping[str, Sequence[TrainingStep]]

FILE_VERSION = "brain.Event:2"
"""What an event file of TensorBoard begins with."""


def check_tracking(config: RunConfig) -> None:
    """Refuses a tracker that could not be written to.

    Raises:
        UsageError: TensorBoard is not installed, or its folder cannot be one.
    """
    if not config.tracking.tensorboard:
        return
    require_extra("tensorboard", "tracking.tensorboard", "tensorboard")
    folder = Path(config.tracking.tensorboard).expanduser().absolute()
    above = next(place for place in (folder, *folder.parents) if place.exists())
    if not above.is_dir():
        raise UsageError(
            f"tracking.tensorboard = {config.tracking.tensorboard!r}: {above} is a file", "name a folder"
        )


def track(config: RunConfig, store: Store, record: Mapping[str, Any], results: Results) -> None:
    """Writes the run into the tracker that the configuration names, if it names one.

    Raises:
        CounterpoiseError: the disk is full or fails; nothing new is left there.
    """
    if config.tracking.tensorboard:
        place = Path(config.tracking.tensorboard).expanduser() / record["run"]
        write_events(place, config, results, curves(store, record))


def curves(store: Store, record: Mapping[str, Any]) -> Curves:
    """The optimiser's steps, by training."""
    from counterpoise.alignment.records import TrainingStep
    from counterpoise.artifacts.parquet import read_records
    from counterpoise.artifacts.tables import HISTORY

    return {
        ref.label: read_records(store.fetch(ref) / f"{HISTORY.name}.parquet", HISTORY, TrainingStep)
        for ref in RunRecord(record).refs("adapter")
    }


def write_events(folder: Path, config: RunConfig, results: Results, training: Curves) -> None:
    """One run's event files; an earlier writing of the same run is replaced once the new one is whole.

    Raises:
        CounterpoiseError: the disk is full or fails; nothing new is left there.
    """
    draft = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _write(draft, config, results, training)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise CounterpoiseError(
            f"{folder} could not be written for TensorBoard: {error.strerror}",
            "the run itself is whole in the store; the same command writes this again",
        ) from None


def _write(folder: Path, config: RunConfig, results: Results, training: Curves) -> None:
    """One file, written in this thread: TensorBoard's own writer does it in another, whose last error nobody sees."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True)
    now = time.time()
    with (folder / f"events.out.tfevents.{now:.0f}").open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=now, file_version=FILE_VERSION).SerializeToString())
        for step, summary in _summaries(config, results, training):
            records.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())
    sync_tree(folder)


def _summaries(config: RunConfig, results: Results, training: Curves) -> Iterator[tuple[int, Any]]:
    """(step, summary) of everything that a run leaves."""
    form: Any = importlib.import_module("torch.utils.tensorboard.summary")
    values = config.model_dump(mode="json")
    settings = json.dumps(values, indent=1, ensure_ascii=False)
    yield 0, form.text("headline", results.verdict.headline)
    yield 0, form.text("settings", f"```\n{settings}\n```")
    for tag, value, step in (*_curve_points(training), *_measure_points(results)):
        yield step, form.scalar(tag, value)
    whole = {f"tuned/{row.label}": row.tuned for row in results.measures if not row.by and not row.group}
    for part in form.hparams(dict(_flat(values)), whole):
        yield 0, part


def _curve_points(training: Curves) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of everything that a training step says."""
    for label, steps in training.items():
        for row in steps:
            for name, value in asdict(row).items():
                if name != "step" and math.isfinite(value):
                    yield f"{label}/{name}", value, row.step


def _measure_points(results: Results) -> Iterator[tuple[str, float, int]]:
    """(tag, value, 0) of base, tuned and change of every measure; what was not measured is left out."""
    for row in results.measures:
        for side in ("base", "tuned", "change"):
            if math.isfinite(value := getattr(row, side)):
                yield f"{side}/{row.label}", value, 0


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """``section.field`` → value; a list as JSON."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            plain = isinstance(value, bool | int | float | str)
            yield f"{above}{name}", value if plain else json.dumps(value)
