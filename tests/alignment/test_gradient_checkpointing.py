"""Recomputing activations takes another forward pass and gives the same training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaMLP

from counterpoise.alignment.records import TrainingOutcome
from tests.alignment.material import CONFIG
from tests.alignment.test_train import train


def changed(**optimisation: Any) -> Any:
    return CONFIG.model_copy(update={"optimisation": CONFIG.optimisation.model_copy(update=optimisation)})


def test_activations_are_recomputed_and_the_steps_are_the_same(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0
    forward: Callable[..., Any] = LlamaMLP.forward

    def counted(self: LlamaMLP, *given: Any) -> Any:
        nonlocal passes
        passes += torch.is_grad_enabled()  # scoring takes passes too
        return forward(self, *given)

    monkeypatch.setattr(LlamaMLP, "forward", counted)
    taken: list[int] = []
    outcomes: list[TrainingOutcome] = []
    for asked in (False, True):
        passes = 0
        config = changed(epochs=1, gradient_checkpointing=asked)
        outcomes.append(train(tiny_folder, tmp_path / str(asked), config=config))
        taken.append(passes)
    plain, recomputed = outcomes
    assert taken[1] == 2 * taken[0] > 0
    assert [step.loss for step in recomputed.history] == pytest.approx(
        [step.loss for step in plain.history], abs=1e-5
    )
