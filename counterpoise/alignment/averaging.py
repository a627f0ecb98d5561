"""The average of an adapter's weights over its last steps: what is probed, chosen and written.

At a learning rate at which a few dozen steps reach neutral, each step moves the model in directions that have nothing
to do with the bias: what it thinks of some group's sentences rises at one step and falls at the next. Around a point
that training circles, such moves cancel in the mean of the weights (Polyak and Juditsky 1992; Izmailov et al. 2018).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from counterpoise.alignment.lora import trainable_state

AVERAGE = "average.safetensors"


class WeightAverage:
    """An exponential moving average of a model's trainable weights; its first value is that of the first step.

    After step n it is Σ dⁿ⁻ⁱ wᵢ / Σ dⁿ⁻ⁱ over the steps i = 1 … n, so it looks back over about 1 / (1 − d) of them.

    Args:
        model: whose weights.
        decay: d, 0 to 1; 0 is no average but the weights themselves.
    """

    def __init__(self, model: Any, decay: float) -> None:
        self._model, self._decay = model, decay
        self._mean: dict[str, Tensor] = {}

    def update(self, step: int) -> None:
        """Take the weights after optimiser step ``step``, counted from 1, in."""
        if not self._decay:
            return
        share = (1 - self._decay) / (1 - self._decay**step)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if parameter.requires_grad:
                    now = parameter.detach().float()
                    self._mean[name] = torch.lerp(self._mean[name], now, share) if step > 1 else now.clone()

    def state(self) -> dict[str, Tensor]:
        """Copies by name, fp32, on the CPU, as :func:`counterpoise.alignment.lora.trainable_state`."""
        if not self._mean:
            return trainable_state(self._model)
        return {name: value.to("cpu", copy=True) for name, value in self._mean.items()}

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint's folder."""
        if self._mean:
            save_file(self.state(), str(folder / AVERAGE))

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint's."""
        if self._decay:
            own = {name: value.device for name, value in self._model.named_parameters()}
            saved = load_file(folder / AVERAGE)
            self._mean = {name: value.to(own[name]) for name, value in saved.items()}
