"""Data parallel training on two CPU processes (gloo): the same training as by one, up to the order of sums."""

from __future__ import annotations

import multiprocessing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from counterpoise.alignment.batches import encode_preferences, pair_groups
from counterpoise.alignment.launch import Callbacks
from counterpoise.alignment.launch import train as launch
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.team import ALONE, Team, share_of
from counterpoise.alignment.tree_batches import packed_batch
from counterpoise.errors import CounterpoiseError, TrainingStopped
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import CONFIG, TRAIN, inputs


def train(folder: Path, where: Path, processes: int, **told: Any) -> TrainingOutcome:
    return launch(
        folder, inputs(train=TRAIN[:15], precision="fp32"), callbacks=Callbacks(**told), processes=processes,
        device="cpu", config=CONFIG, seed=3, out=where / "out", checkpoints=where / "checkpoints",
    )  # fmt: skip


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
    for mine, theirs in zip(one.candidates, two.candidates, strict=True):
        known = {name: value for name, value in asdict(mine).items() if isinstance(value, float)}
        assert {name: asdict(theirs)[name] for name in known} == pytest.approx(known, rel=1e-2, abs=1e-2)
    assert (two.strength, two.status) == (one.strength, one.status)
    name = "out/adapter_model.safetensors"
    first_weights, second_weights = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
    assert first_weights.keys() == second_weights.keys()
    largest = max(float(value.abs().max()) for value in first_weights.values())
    assert largest > 1e-3
    for key, value in first_weights.items():
        assert torch.allclose(value, second_weights[key], atol=1e-3), key
