"""Train a 4-bit LoRA adapter towards neutral: probe, guard, choose, and survive being killed."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.launch import Callbacks, train_together, visible_devices
from counterpoise.alignment.records import ReferenceLogProb, TrainingOutcome
from counterpoise.alignment.team import ALONE, Team
from counterpoise.errors import DataError
from counterpoise.models.loading import load_model, quiet_libraries
from counterpoise.records import Normalisation, Pair, Preference, Progress, silent

if TYPE_CHECKING:
    from counterpoise.models.config import Precision


def train_adapter(  # noqa: PLR0913  # each is one independent input
    model_folder: Path,
    train: Sequence[Preference],
    validation: Sequence[Pair],
    probe_texts: Sequence[str],
    config: AlignmentConfig,
    *,
    precision: Precision,
    probe_precision: Precision | None = None,
    level: Sequence[Pair] = (),
    replay: Sequence[str] = (),
    group_texts: Sequence[tuple[str, str]] = (),
    seed: int,
    out: Path,
    checkpoints: Path,
    reference: Sequence[ReferenceLogProb] | None = None,
    prefix: str = "bos",
    normalisation: Normalisation = "sum",
    device: str | None = None,
    processes: int | None = None,
    team: Team = ALONE,
    progress: Progress = silent,
    should_stop: Callable[[], bool] = lambda: False,
    on_checkpoint: Callable[[Path], None] = lambda folder: None,
) -> TrainingOutcome:
    """Train, and write the adapter of the best healthy probe to ``out``.

    Same inputs, seed and thread count give the same bytes, however often the run was killed in between.

    Args:
        model_folder: a safetensors model folder.
        train: the kept preferences of the training folds.
        validation: pairs that no preference descends from; how far an adapter moved is measured on them alone.
        probe_texts: neutral sentences for the perplexity guard.
        precision: of the frozen weights that the adapter is trained on.
        probe_precision: of the weights that guards and choice look at, where the model will be judged at another
            precision than it is trained in; a second copy of the base is kept for it.
        level: further pairs outside the evaluated fold that tell where the *base* stands.
        replay: neutral sentences on which the model is held to its base while it trains; none of ``probe_texts``.
        group_texts: a group and a neutral sentence about it, each; none of ``replay``. The guards compare the groups.
        out: a new folder for the adapter, in safetensors and fp32.
        checkpoints: a folder of this run alone; an earlier call's newest valid checkpoint there is resumed.
        reference: the base's log-probabilities, if they were computed before; default: compute them first.
        prefix: what stands before each sentence, in training and in the guards alike
            (:func:`counterpoise.likelihood.encoding.prefix_ids`).
        normalisation: whether the guards compare whole sentences or per token, as the score does.
        device: ``cpu``, ``cuda``, … ; default: CUDA where there is one.
        processes: how many train together, each on a device of its own and with its share of every batch; default: one
            for each visible CUDA device, one without any or with a ``device``. Sums of floats are added in another
            order, so the last bits of the result depend on it.
        team: this process's place among them.
        should_stop: asked after every step; on True a checkpoint is completed and training ends.
        on_checkpoint: called with each completed checkpoint folder.

    Raises:
        ModelError: the model folder or a LoRA target is wrong.
        DataError: there is nothing to train or probe on.
        TrainingStopped: ``should_stop`` said so; calling again resumes.
        CounterpoiseError: out of memory; the newest checkpoint is whole.
    """
    given: dict[str, Any] = dict(locals())  # every argument, for the processes of a team
    if not train:
        raise DataError("there are no preferences to train on", "filter fewer of them, or add pairs")
    size = (visible_devices() if device is None else 1) if processes is None else processes
    if size > 1 and team is ALONE:
        for name in ("processes", "team", "progress", "should_stop", "on_checkpoint"):
            del given[name]
        return train_together(size, given, Callbacks(progress, should_stop, on_checkpoint))
    quiet_libraries()
    # Importing trl imports bitsandbytes, which talks while it loads.
    from counterpoise.alignment.run import Data, Hooks, Run  # noqa: PLC0415

    checkpoints.mkdir(parents=True, exist_ok=True)
    with _own_randomness(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Run(
            load_model(model_folder, precision, device=device),
            Data(train, validation, probe_texts, reference, level, replay, group_texts),
            config,
            seed=seed,
            checkpoints=checkpoints,
            hooks=Hooks(progress, should_stop, on_checkpoint),
            judge=load_model(model_folder, probe_precision, device=device)
            if probe_precision not in (None, precision) and team.leads
            else None,
            team=team,
            prefix=prefix,
            normalisation=normalisation,
        )
        run.go()
        return run.finish(out)


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
