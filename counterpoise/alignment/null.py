"""A random adapter as large as a trained one: what any change of that size does to a model, whatever it is for.

Greedy text of a small model is a chain of near-ties, and any change turns some of them: a random adapter makes it loop
more or less often, too. What training does to text counts as damage only beyond that.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from counterpoise.alignment.evaluator import set_strength
from counterpoise.alignment.lora import CONFIG, WEIGHTS
from counterpoise.errors import DataError
from counterpoise.likelihood.own_text import own_text_divergence
from counterpoise.models.loading import LoadedModel
from counterpoise.neutral.records import OwnText

ROUNDS = 3
"""Divergence grows with the square of the scale; a few corrections find the scale to a percent."""


def write_random_adapter(trained: Path, out: Path, seed: int) -> None:
    """An adapter of the trained one's shape, each matrix drawn from a normal distribution of its standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(value.shape, generator=generator) * value.std().clamp_min(1e-6)
        for name, value in sorted(load_file(trained / WEIGHTS).items())
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(out / WEIGHTS), metadata={"format": "pt"})
    shutil.copyfile(trained / CONFIG, out / CONFIG)


def match_divergence(loaded: LoadedModel, texts: Sequence[OwnText], wanted: float) -> float:
    """Set the adapter's strength so that its divergence on ``texts`` is ``wanted``; the divergence it came to.

    Args:
        wanted: nats a token.

    Raises:
        DataError: the adapter changes nothing, or nothing is wanted.
    """
    strength, found = 1.0, math.nan
    for _ in range(ROUNDS):
        set_strength(loaded.model, strength)
        found = own_text_divergence(loaded, texts)
        if not (found > 0 and wanted > 0):
            raise DataError(
                f"no strength turns a divergence of {found:g} into {wanted:g}", "train for longer"
            )
        strength *= math.sqrt(wanted / found)
    set_strength(loaded.model, strength)
    return own_text_divergence(loaded, texts)
