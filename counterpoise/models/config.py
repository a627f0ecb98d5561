"""Which model, and in which precision."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.settings import Settings

Precision = Literal["fp32", "bf16", "nf4"]
"""``nf4``: bitsandbytes 4-bit NormalFloat, double quantization, bf16 compute (Dettmers et al. 2023)."""


class ModelConfig(Settings):
    """The model that is debiased. Base and tuned are always scored at the precision they were trained in."""

    source: str = Field(
        default="smollm2-135m",
        min_length=1,
        description="A registry name, hf://owner/name@revision, a local model folder, or 'tiny' for a "
        "model of a few thousand parameters made on the spot",
    )
    precision: Precision = Field(
        default="nf4",
        description="Weights of the frozen base while training, scoring and generating: fp32, bf16, or nf4 "
        "(4-bit, double quantization, bf16 compute)",
    )
