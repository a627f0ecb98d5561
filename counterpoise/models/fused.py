"""LoRA layers as one differentiable step each: less memory, fewer passes over the activations, same numbers.

PEFT casts each layer's input to fp32, keeps that copy for the backward pass, multiplies in fp32 and casts
back. Here a layer keeps its input as it came and multiplies in the model's dtype; only the parameters and their
gradients are fp32, and the update is added to the base's product inside the matrix product, before it is
rounded. Per token and layer of a Llama block that is about a third of the memory. Training, probes, scores
and text all run these layers, so what is judged is what was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bitsandbytes
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn.functional import linear

ADAPTER = "default"


def fuse_lora(model: Any, *, hold_weights: bool) -> int:
    """Replace the forward pass of every plain LoRA layer of a ``PeftModel`` and say how many there were.

    Layers with dropout or of another kind (DoRA, embeddings, convolutions) keep PEFT's own.

    Args:
        hold_weights: keep a dequantized copy of 4-bit weights (2 bytes a weight) instead of dequantizing them
            in every forward and backward pass; the results are the same bits.
    """
    layers = [module for module in model.modules() if isinstance(module, LoraLayer) and _plain(module)]
    for layer in layers:
        layer.forward = _Fused(layer, hold_weights)
    return len(layers)


def _plain(layer: Any) -> bool:
    kinds = (torch.nn.Linear, bitsandbytes.nn.Linear4bit)
    return (
        type(layer.get_base_layer()) in kinds
        and list(layer.lora_A) == [ADAPTER]
        and not layer.lora_variant
        and not layer.lora_bias[ADAPTER]
        and isinstance(layer.lora_dropout[ADAPTER], torch.nn.Identity)
    )


class _Fused:
    """The forward pass of one layer. Not a module: the layer's own parameters stay where PEFT put them."""

    def __init__(self, layer: Any, hold_weights: bool) -> None:
        self._layer = layer
        self._base = layer.get_base_layer()
        weight = _weight_of(self._base)
        held = weight() if hold_weights else None
        self._weight = weight if held is None else lambda: held

    def __call__(self, x: Tensor, *_: Any, **__: Any) -> Tensor:
        if self._layer.disable_adapters:
            return linear(x, self._weight().to(x.dtype), self._base.bias)
        down, up = self._layer.lora_A[ADAPTER].weight, self._layer.lora_B[ADAPTER].weight
        scale = self._layer.scaling[ADAPTER]
        if not torch.is_grad_enabled():
            return _adapted(x, down, up, self._base.bias, self._weight(), scale)[0]
        result: Tensor = _LoraLinear.apply(  # type: ignore[no-untyped-call]
            x, down, up, self._base.bias, self._weight, scale
        )
        return result


def _weight_of(base: Any) -> Callable[[], Tensor]:
    """The base layer's weight, ``[out, in]``, dequantized to its compute dtype if it is 4-bit."""
    if not isinstance(base, bitsandbytes.nn.Linear4bit):
        return lambda: base.weight
    return lambda: bitsandbytes.functional.dequantize_4bit(base.weight.data, base.weight.quant_state)


def _adapted(
    x: Tensor, down: Tensor, up: Tensor, bias: Tensor | None, weight: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """x Wᵀ + b + s · (x Aᵀ) Bᵀ, and x Aᵀ with its leading dimensions flattened."""
    inner = linear(x, down.to(x.dtype)).flatten(0, -2)
    result = linear(x, weight.to(x.dtype), bias)
    result.flatten(0, -2).addmm_(inner, up.to(x.dtype).T, alpha=scale)
    return result, inner


class _LoraLinear(torch.autograd.Function):
    """:func:`_adapted` with W and b frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        down: Tensor,
        up: Tensor,
        bias: Tensor | None,
        weight: Callable[[], Tensor],
        scale: float,
    ) -> Tensor:
        result, inner = _adapted(x, down, up, bias, weight(), scale)
        ctx.save_for_backward(x, down, up, inner)
        ctx.weight, ctx.scale = weight, scale
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, down, up, inner = ctx.saved_tensors
        grad, rows = grads[0].flatten(0, -2), x.flatten(0, -2)
        # [rows, rank] is small: the scale goes there, once for both products that use it
        low = (grad @ up.to(x.dtype)).mul_(ctx.scale)
        grad_up = (inner.T @ grad).T.to(up.dtype).mul_(ctx.scale)
        grad_down = (low.T @ rows).to(down.dtype)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad @ ctx.weight()).addmm_(low, down.to(x.dtype)).view(x.shape)
        return grad_x, grad_down, grad_up, None, None, None
