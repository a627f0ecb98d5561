"""Data parallel training on two CPU processes (gloo): the same training as by one, up to the order of sums."""

from __future__ import annotations

import multiprocessing
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from counterpoise.alignment.batches import encode_preferences, pair_groups
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.team import ALONE, Team, share_of
from counterpoise.alignment.train import train_adapter
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.errors import CounterpoiseError, TrainingStopped
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import CONFIG, NEUTRAL, TRAIN, VALIDATION

NO_DROPOUT = CONFIG.model_copy(update={"lora": CONFIG.lora.model_copy(update={"dropout": 0.0})})


def train(folder: Path, where: Path, processes: int, **options: object) -> TrainingOutcome:
    return train_adapter(
        folder, TRAIN[:15], VALIDATION, NEUTRAL, NO_DROPOUT, precision="fp32", seed=3, device="cpu",
        out=where / "out", checkpoints=where / "checkpoints", processes=processes, replay=NEUTRAL,
        **options,
    )  # type: ignore[arg-type]  # fmt: skip


def kill_the_leader() -> None:
    leader = min(multiprocessing.active_children(), key=lambda process: int(process.name.rpartition("-")[2]))
    leader.kill()
    leader.join()


def test_shares_are_the_group_dealt_out_and_their_weights_give_its_mean(tiny: LoadedModel) -> None:
    encoded = encode_preferences(TRAIN[:5], tiny.tokenizer, append_eos=False, max_tokens=64)
    (group,) = pair_groups(encoded, 5, seed=0)
    ((first,), (second,)) = (Team(rank, 2).shares([group], packed_batch) for rank in (0, 1))
    assert [len(share.batch.names) for share in (first, second)] == [3, 2]
    assert sorted([*first.batch.names, *second.batch.names]) == sorted(pair.name for pair in group)
    # the mean over processes of weight × mean is (3/5 × 2 × mean of 3 + 2/5 × 2 × mean of 2) / 2: the mean of 5
    assert [first.weight, second.weight] == [3 / 5 * 2, 2 / 5 * 2]
    assert ALONE.shares([group], packed_batch)[0].weight == 1
    part, weight = share_of(group, 6, 7)
    assert (list(part), weight) == ([group[0]], 0.0)


@pytest.mark.slow
def test_two_processes_train_the_adapter_of_one_and_survive_a_kill_and_a_stop(
    tiny_folder: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    one = train(tiny_folder, tmp_path / "one", 1)
    with pytest.raises(
        CounterpoiseError, match=r"training process 0 ended: exit code -9 .* same command again"
    ):
        train(tiny_folder, tmp_path / "two", 2, on_checkpoint=lambda folder: kill_the_leader())
    assert not multiprocessing.active_children()
    with pytest.raises(
        TrainingStopped
    ):  # two others go on from the checkpoint of step 2, stop at one of step 3 …
        train(
            tiny_folder, tmp_path / "two", 2,
            progress=lambda done, total: told.append((done, total)), should_stop=lambda: len(told) == 1,
        )  # fmt: skip
    assert told == [(3, 6)]
    two = train(tiny_folder, tmp_path / "two", 2)  # … and the next from there
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
