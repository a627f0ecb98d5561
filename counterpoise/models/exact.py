"""A model's own weights, whatever they are stored in, computing in fp32 for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

NARROW = (torch.bfloat16, torch.float16)


@contextmanager
def in_fp32(model: Any) -> Iterator[None]:
    """Let ``model`` compute in fp32 inside the block: two ways to compute the same then agree to rounding.

    Weights in bf16 and fp16 are widened, which loses nothing, and 4-bit layers dequantize to fp32. Afterwards the
    very tensors that were there are put back. It takes 4 bytes more for each weight that is widened.
    """
    narrow = [value for value in (*model.parameters(), *model.buffers()) if value.dtype in NARROW]
    quantized = [module for module in model.modules() if hasattr(module, "compute_dtype")]
    held = [(value, value.data) for value in narrow]
    dtypes = [(module, module.compute_dtype) for module in quantized]
    try:
        for value in narrow:
            _widen(value)
        for module in quantized:
            module.compute_dtype = torch.float32
        yield
    finally:
        for value, data in held:
            value.data = data
        for module, dtype in dtypes:
            module.compute_dtype = dtype


def _widen(value: Tensor) -> None:
    value.data = value.data.float()
