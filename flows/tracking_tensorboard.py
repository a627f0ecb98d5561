"""A run as event files of TensorBoard."""

from __future__ import annotations

import importlib
import json
import shutil
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from counterpoise.errors import CounterpoiseError
from counterpoise.files import sync_tree
from counterpoise.flows.tracked import Tracked

FILE_VERSION = "brain.Event:2"
"""What an event file of TensorBoard begins with."""


def write_events(folder: Path, tracked: Tracked) -> None:
    """One run's event files; an earlier writing of the same run is replaced once the new one is whole.

    Raises:
        CounterpoiseError: the disk is full or fails; nothing new is left there.
    """
    draft = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _write(draft, tracked)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise CounterpoiseError(
            f"{folder} could not be written for TensorBoard: {error.strerror}",
            "the run itself is whole in the store; the same command writes this again",
        ) from None


def _write(folder: Path, tracked: Tracked) -> None:
    """One file, written in this thread: TensorBoard's own writer does it in another, whose last error nobody sees."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True)
    now = time.time()
    with (folder / f"events.out.tfevents.{now:.0f}").open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=now, file_version=FILE_VERSION).SerializeToString())
        for step, summary in _summaries(tracked):
            records.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())
    sync_tree(folder)


def _summaries(tracked: Tracked) -> Iterator[tuple[int, Any]]:
    """(step, summary) of everything that a run leaves."""
    form: Any = importlib.import_module("torch.utils.tensorboard.summary")
    settings = json.dumps(tracked.config.model_dump(mode="json"), indent=1, ensure_ascii=False)
    yield 0, form.text("headline", tracked.results.verdict.headline)
    yield 0, form.text("settings", f"```\n{settings}\n```")
    for tag, value, step in chain(tracked.curve_points(), tracked.measure_points()):
        yield step, form.scalar(tag, value)
    whole = {
        f"tuned/{row.label}": row.tuned for row in tracked.results.measures if not row.by and not row.group
    }
    for part in form.hparams(tracked.settings, whole):
        yield 0, part
