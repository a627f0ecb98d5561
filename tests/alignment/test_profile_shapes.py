"""Profiles whose models are too large, or too far away, for a test: trained and scored on a tiny model of the shape."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from counterpoise.alignment.train import train_adapter
from counterpoise.flows.configure import load_config
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.models.loading import load_model
from tests.alignment.material import CONFIG, PAIRS, inputs

SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 384}
GROUPED = {**SIZES, "num_key_value_heads": 1, "intermediate_size": 64, "max_position_embeddings": 256}
SHAPES: dict[str, tuple[str, dict[str, Any], int]] = {
    # kind of model, its sizes, and the linear layers of a block
    "gpt2-medium": ("gpt2", {**SIZES, "n_positions": 256}, 4),
    "gemma-2-2b": ("gemma2", {**GROUPED, "head_dim": 32}, 7),
    "qwen2.5-1.5b": ("qwen2", GROUPED, 7),
    "gemma3-270m": ("gemma3_text", {**GROUPED, "head_dim": 32}, 7),
}
"""All tie the head to the embeddings, as those models do."""


def shaped(profile: str, tokenizer: Path, folder: Path) -> Path:
    """A random model of the profile's architecture with the tiny model's tokenizer."""
    kind, sizes, _ = SHAPES[profile]
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.AutoConfig.for_model(kind, **sizes, **ids, tie_word_embeddings=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("profile", list(SHAPES))
def test_it_trains_in_four_bits_and_scores_at_its_own_precision(
    profile: str, tiny_folder: Path, tmp_path: Path
) -> None:
    config = load_config(profile)
    folder = shaped(profile, tiny_folder, tmp_path / "model")
    short = CONFIG.optimisation.model_copy(update={"epochs": 1})
    train_adapter(
        folder,
        inputs(),
        CONFIG.model_copy(update={"optimisation": short}),
        seed=0,
        out=tmp_path / "out",
        checkpoints=tmp_path / "checkpoints",
        device="cpu",
    )
    layers = {name.split(".lora_")[0] for name in load_file(tmp_path / "out" / "adapter_model.safetensors")}
    assert len(layers) >= SHAPES[profile][2]
    loaded = load_model(folder, config.scoring.precision or "fp32", device="cpu", adapter=tmp_path / "out")
    base, tuned = (
        score_pairs(loaded, PAIRS[:4], variant, prefix=config.scoring.prefix) for variant in ("base", "tuned")
    )  # fmt: skip
    assert [one.more_log_prob for one in base] != [one.more_log_prob for one in tuned]
