"""Train a 4-bit LoRA adapter towards neutral, choose its strength, and survive being killed."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.inputs import TrainingInputs
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.team import ALONE, Team
from counterpoise.errors import DataError, TrainingStopped
from counterpoise.models.loading import load_model, quiet_libraries
from counterpoise.records import Progress, silent


def train_adapter(  # noqa: PLR0913  # each is one independent input
    model_folder: Path,
    inputs: TrainingInputs,
    config: AlignmentConfig,
    *,
    seed: int,
    out: Path,
    checkpoints: Path,
    device: str | None = None,
    team: Team = ALONE,
    progress: Progress = silent,
    should_stop: Callable[[], bool] = lambda: False,
    on_checkpoint: Callable[[Path], None] = lambda folder: None,
) -> TrainingOutcome:
    """Train in this process, and write the adapter at its chosen strength to ``out``.

    Same inputs, seed and thread count give the same bytes, however often the run was killed in between.
    :func:`counterpoise.alignment.launch.train` starts a process for each device.

    Args:
        model_folder: a safetensors model folder.
        out: a new folder for the adapter, in safetensors and fp32.
        checkpoints: a folder of this run alone; an earlier call's newest valid checkpoint there is resumed.
        device: ``cpu``, ``cuda``, … ; default: CUDA where there is one.
        team: this process's place among those that train together.
        should_stop: asked after every step; on True a checkpoint is completed and training ends.
        on_checkpoint: called with each completed checkpoint folder.

    Raises:
        ModelError: the model folder or a LoRA target is wrong.
        DataError: there is nothing to train on or to measure with.
        TrainingStopped: ``should_stop`` said so; calling again resumes.
        CounterpoiseError: out of memory; the newest checkpoint is whole.
    """
    check_inputs(inputs)
    quiet_libraries()
    # Importing trl imports bitsandbytes, which talks while it loads.
    from counterpoise.alignment.run import Hooks, Run  # noqa: PLC0415
    from counterpoise.alignment.steering import steer  # noqa: PLC0415

    checkpoints.mkdir(parents=True, exist_ok=True)
    apart = inputs.judged_precision not in (None, inputs.precision)
    with _own_randomness(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_model(model_folder, inputs.precision, device=device)
        judged = (
            load_model(model_folder, inputs.judged_precision or inputs.precision, device=device)
            if apart and team.leads
            else None
        )
        if config.loss.types == ("steering",):
            stop = partial(_stop_if_asked, should_stop)
            return team.on_rank0(
                lambda: steer(loaded, inputs, config, seed=seed, out=out, judged=judged, before_each=stop)
            )
        run = Run(
            loaded,
            inputs,
            config,
            seed=seed,
            checkpoints=checkpoints,
            hooks=Hooks(progress, should_stop, on_checkpoint),
            judged=judged,
            team=team,
        )
        run.go()
        return run.finish(out)


def check_inputs(inputs: TrainingInputs) -> None:
    """Raise :class:`DataError` unless there is something to train on and something to measure it with."""
    if not inputs.train:
        raise DataError("there are no preferences to train on", "filter fewer of them, or add pairs")
    if not inputs.validation or not any(text.strip() for text in inputs.guard_texts.neutral):
        raise DataError(
            f"the guards need validation pairs and neutral texts; got {len(inputs.validation)} and "
            f"{len(inputs.guard_texts.neutral)}",
            "hold out validation pairs and pass neutral sentences",
        )


def _stop_if_asked(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise TrainingStopped("stopped before a strength was chosen", "run the same command again")


@contextmanager
def _own_randomness() -> Iterator[None]:
    """TRL seeds the global generators; give the caller's back afterwards."""
    python, numeric = random.getstate(), np.random.get_state()
    devices: list[Any] = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numeric)
