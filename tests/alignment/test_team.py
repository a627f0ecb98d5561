"""Data parallel training on two CPU processes (gloo): the same training as by one, up to the order of sums."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from counterpoise.alignment.batches import encode_preferences, pair_batches
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.team import share_of
from counterpoise.alignment.train import train_adapter
from counterpoise.errors import TrainingStopped
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import CONFIG, NEUTRAL, TRAIN, VALIDATION

NO_DROPOUT = CONFIG.model_copy(update={"lora": CONFIG.lora.model_copy(update={"dropout": 0.0})})


def train(folder: Path, where: Path, processes: int, **options: object) -> TrainingOutcome:
    return train_adapter(
        folder, TRAIN[:15], VALIDATION, NEUTRAL, NO_DROPOUT, precision="fp32", seed=3, device="cpu",
        out=where / "out", checkpoints=where / "checkpoints", processes=processes, replay=NEUTRAL,
        **options,
    )  # type: ignore[arg-type]  # fmt: skip


def test_shares_are_the_batch_dealt_out_and_their_weights_give_its_mean(tiny: LoadedModel) -> None:
    encoded = encode_preferences(TRAIN[:5], tiny.tokenizer, append_eos=False, max_tokens=64)
    (batch,) = pair_batches(encoded, 5, seed=0)
    parts = [share_of(batch, rank, 2) for rank in (0, 1)]
    assert [len(part.batch.names) for part in parts] == [3, 2]
    assert sorted(name for part in parts for name in part.batch.names) == sorted(batch.names)
    # the mean over processes of weight × mean is (3/5 × 2 × mean of 3 + 2/5 × 2 × mean of 2) / 2: the mean of 5
    assert [part.weight for part in parts] == [3 / 5 * 2, 2 / 5 * 2]
    for part in parts:
        flat = part.batch.input_ids.flatten()
        assert torch.equal(flat[part.batch.positions + 1], part.batch.targets)
        assert int(part.batch.counts.sum()) == len(part.batch.targets)
    lonely = share_of(batch, 6, 7)
    assert (lonely.weight, len(lonely.batch.names)) == (0.0, 1)


@pytest.mark.slow
def test_two_processes_train_the_adapter_of_one_and_resume_each_others_checkpoints(
    tiny_folder: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    one = train(tiny_folder, tmp_path / "one", 1)
    with pytest.raises(TrainingStopped):  # two processes stop at a checkpoint of step 2 …
        train(
            tiny_folder, tmp_path / "two", 2,
            progress=lambda done, total: told.append((done, total)), should_stop=lambda: len(told) == 2,
        )  # fmt: skip
    assert told == [(1, 6), (2, 6)]
    two = train(tiny_folder, tmp_path / "two", 2)  # … and go on from there
    assert [row.step for row in two.history] == [1, 2, 3, 4, 5, 6]
    for first, second in zip(one.history, two.history, strict=True):
        assert asdict(second) == pytest.approx(asdict(first), rel=1e-3, abs=2e-3)
    assert [probe.step for probe in two.probes] == [probe.step for probe in one.probes]
    assert (two.selected_step, two.status) == (one.selected_step, one.status)
    name = "out/adapter_model.safetensors"
    mine, theirs = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
    assert mine.keys() == theirs.keys()
    largest = max(float(value.abs().max()) for value in mine.values())
    assert largest > 1e-3
    for key, value in mine.items():
        assert torch.allclose(value, theirs[key], atol=1e-3), key
