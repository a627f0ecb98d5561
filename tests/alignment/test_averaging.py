from __future__ import annotations

from pathlib import Path

import pytest
import torch

from counterpoise.alignment.averaging import AVERAGE, WeightAverage


def walk(
    decay: float, values: list[float], folder: Path | None = None, killed_after: int = 0
) -> dict[str, torch.Tensor]:
    """The average over a walk of one trainable weight; killed and loaded from ``folder`` once, if asked."""
    model = torch.nn.Linear(1, 1)
    model.bias.requires_grad = False
    average = WeightAverage(model, decay)
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update(step)
        if folder is not None and step == killed_after:
            average.save(folder)
            average = WeightAverage(model, decay)
            average.load(folder)
    return average.state()


def test_the_average_by_hand() -> None:
    # (0.5² · 4 + 0.5 · 8 + 16) / (0.5² + 0.5 + 1) = 21 / 1.75
    assert walk(0.5, [4, 8, 16])["weight"].item() == pytest.approx(12)
    assert walk(0.5, [4])["weight"].item() == 4
    # a frozen weight has no part in it
    assert walk(0.5, [4, 8]).keys() == {"weight"}


def test_without_decay_it_is_the_weights_themselves(tmp_path: Path) -> None:
    assert walk(0.0, [4, 8, 16], tmp_path, killed_after=2)["weight"].item() == 16
    assert not (tmp_path / AVERAGE).exists()


def test_before_the_first_step_it_is_what_training_starts_from() -> None:
    model = torch.nn.Linear(1, 1)
    assert torch.equal(WeightAverage(model, 0.9).state()["weight"], model.weight.detach())


def test_a_checkpoint_changes_no_bit_of_it(tmp_path: Path) -> None:
    values = [0.1 * step**2 for step in range(12)]
    straight, resumed = (walk(0.8, values, folder, killed_after=7) for folder in (None, tmp_path))
    assert torch.equal(straight["weight"], resumed["weight"])


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_copy_does_not_move_on(decay: float) -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, decay)
    average.update(1)
    kept = average.state()["weight"]
    before = kept.clone()
    with torch.no_grad():
        model.weight += 1
    average.update(2)
    assert torch.equal(kept, before)
    assert not torch.equal(average.state()["weight"], before)
