"""Fused LoRA layers that switch their adapter row by row, as PEFT's own layers do in mixed batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bitsandbytes
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn.functional import linear

from counterpoise.models.fused import ADAPTER

BASE_ROW = "__base__"
"""PEFT's name for a row without an adapter."""


def switch_by_row(model: Any) -> int:
    """Lets every fused layer of a ``PeftModel`` follow ``adapter_names``; says how many there were.

    :func:`counterpoise.models.fused.fuse_lora` replaces a layer's forward pass by one that knows on and off only and
    would give every row the adapter. Layers that kept PEFT's own forward pass follow the names already.
    """
    fused = [
        module for module in model.modules() if isinstance(module, LoraLayer) and "forward" in vars(module)
    ]
    for layer in fused:
        layer.forward = _ByRow(layer, layer.forward)
    return len(fused)


class _ByRow:
    """A fused layer's forward pass; the same numbers as switched on for some rows and off for the others."""

    def __init__(self, layer: Any, fused: Callable[..., Tensor]) -> None:
        self._layer, self._fused = layer, fused

    def __call__(
        self, x: Tensor, *args: Any, adapter_names: list[str] | None = None, **options: Any
    ) -> Tensor:
        if adapter_names is None:
            return self._fused(x, *args, **options)
        base = self._layer.get_base_layer()
        result = linear(x, _weight(base), base.bias)
        tuned = [row for row, name in enumerate(adapter_names) if name != BASE_ROW]
        if tuned:
            down, up = self._layer.lora_A[ADAPTER].weight, self._layer.lora_B[ADAPTER].weight
            inner = linear(x[tuned], down.to(x.dtype)).flatten(0, -2)
            part = result[tuned]
            part.flatten(0, -2).addmm_(inner, up.to(x.dtype).T, alpha=self._layer.scaling[ADAPTER])
            result[tuned] = part
        return result


def _weight(base: Any) -> Tensor:
    """``[out, in]``, dequantized where it is 4-bit."""
    if isinstance(base, bitsandbytes.nn.Linear4bit):
        weight: Tensor = bitsandbytes.functional.dequantize_4bit(base.weight.data, base.weight.quant_state)
        return weight
    plain: Tensor = base.weight
    return plain
