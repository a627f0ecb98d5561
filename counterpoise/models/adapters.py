"""An adapter on a model: every weight of its file applied, and whether the base survives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from counterpoise.errors import ModelError
from counterpoise.models.inspection import check_adapter, check_floats, read_json, usable_positions

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PROBE = 16
_SAME = 1e-4
"""Of the largest logit: the same layers on the same input differ by nothing; a changed weight by far more."""


def check_adapter_folder(folder: Path) -> None:
    """Raise :class:`ModelError` unless ``folder`` holds a LoRA adapter in safetensors."""
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such adapter folder", f"give the folder that holds {ADAPTER_CONFIG}")
    config = read_json(folder / ADAPTER_CONFIG, "an adapter folder")
    if config.get("peft_type") != "LORA":
        raise ModelError(
            f"{folder}: its peft_type is {config.get('peft_type')!r}, expected 'LORA'", "give a LoRA adapter"
        )
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"{folder}: it holds no {ADAPTER_WEIGHTS}", "save the adapter in safetensors")
    check_floats([folder / ADAPTER_WEIGHTS])


def attach(model: Any, adapter: Path) -> tuple[Any, bool]:
    """The ``PeftModel`` around ``model`` with the adapter on, and whether off it is ``model`` as it was.

    An adapter that trains biases, or starts from a part of the weights (PiSSA, OLoRA), or repeats layers, changes the
    base for good: switched off, it leaves a model that is neither base nor tuned. That is found by asking both.

    Raises:
        ModelError: the adapter's file lacks a weight or has one too many.
    """
    # Importing peft imports bitsandbytes, which talks while it loads: quiet_libraries() must come first.
    from peft import PeftModel  # noqa: PLC0415

    from counterpoise.models.fused import fuse_lora  # noqa: PLC0415

    model.eval()
    before = _answer(model)
    tuned = PeftModel.from_pretrained(model, str(adapter), is_trainable=False, autocast_adapter_dtype=True)
    _check_applied(tuned, adapter)
    tuned.eval()
    with tuned.disable_adapter():
        gap = (_answer(tuned) - before).abs().max()
    for name, parameter in tuned.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    fuse_lora(tuned, hold_weights=False)
    return tuned, bool(gap <= _SAME * before.abs().max())


@torch.inference_mode()
def _answer(model: Any) -> Tensor:
    """The logits for a few tokens from all over the vocabulary."""
    rows = model.get_input_embeddings().weight.shape[0]
    length = min(_PROBE, usable_positions(model) or _PROBE)
    ids = torch.arange(length, device=model.device)[None] * (rows // length) % rows
    logits: Tensor = model(input_ids=ids).logits
    return logits.float()


def _check_applied(tuned: Any, adapter: Path) -> None:
    """Raise :class:`ModelError` unless every weight of the adapter's file is in the model, and none is left as made."""
    from peft import get_peft_model_state_dict  # noqa: PLC0415

    result = tuned.load_adapter(str(adapter), "default", is_trainable=False, autocast_adapter_dtype=True)
    with safe_open(adapter / ADAPTER_WEIGHTS, "pt") as weights:
        stored = set(weights.keys())
    config = tuned.peft_config["default"]
    whole = set(config.modules_to_save or ())
    wanted = {
        name
        for name in get_peft_model_state_dict(tuned, save_embedding_layers=False)
        if "lora_" in name
        or "trainable_tokens" in name
        or (config.bias != "none" and name.endswith(".bias"))
        or whole & set(name.split("."))
    }
    check_adapter(adapter, stored, set(result.unexpected_keys), wanted)
