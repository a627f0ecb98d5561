"""The LoRA adapter: which layers it may sit on, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from counterpoise.errors import ModelError

if TYPE_CHECKING:
    from counterpoise.alignment.config import LoraSettings

ALL_LINEAR = "all-linear"
"""In place of names: every linear layer but the output head."""
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def adaptable_layers(model: Any) -> list[str]:
    """Full names of the linear layers an adapter may sit on: all but the output head."""
    head = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not head
    ]


def resolve_targets(model: Any, settings: LoraSettings) -> list[str]:
    """The target names to hand to PEFT, sorted.

    Raises:
        ModelError: a name asked for matches no layer; the message lists those that exist.
    """
    layers = adaptable_layers(model)
    known = sorted({name.rsplit(".", 1)[-1] for name in layers})
    if settings.targets == (ALL_LINEAR,):
        return known
    missing = [
        target
        for target in settings.targets
        if not any(name == target or name.endswith(f".{target}") for name in layers)
    ]
    if missing or not settings.targets:
        raise ModelError(
            f"LoRA targets {', '.join(missing) or '(none)'}: no such layer in {type(model).__name__}",
            f"choose among {', '.join(known)}, or 'all-linear'",
        )
    return sorted(settings.targets)


def adapted_blocks(model: Any, settings: LoraSettings) -> list[int] | None:
    """Indices of the decoder blocks that get an adapter, for PEFT's ``layers_to_transform``; None for all."""
    blocks = int(model.config.num_hidden_layers)
    skipped = int(settings.skip_layers * blocks)
    return list(range(skipped, blocks)) if skipped else None


def trainable_state(model: Any) -> dict[str, Tensor]:
    """Copies of the trainable parameters by name, fp32, on the CPU."""
    return {
        name: parameter.detach().to("cpu", torch.float32, copy=True)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def restore_trainable(model: Any, state: Mapping[str, Tensor]) -> None:
    """Put a :func:`trainable_state` back in place.

    Raises:
        ModelError: the names or shapes are not this model's.
    """
    own = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if own.keys() != state.keys() or any(own[name].shape != value.shape for name, value in state.items()):
        raise ModelError("the saved adapter does not fit this model", "train again from the start")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(state[name])


def save_adapter(model: Any, state: Mapping[str, Tensor], out: Path, strength: float = 1.0) -> None:
    """Write ``state`` as a PEFT adapter folder; no machine's path enters it, same state gives same bytes.

    Args:
        model: the ``PeftModel`` the state was taken from.
        out: a new or empty folder.
        strength: LoRA's scale is multiplied by it; the weights are the same.
    """
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name.replace(".default.", "."): value.contiguous() for name, value in state.items()}
    save_file(tensors, str(out / WEIGHTS), metadata={"format": "pt"})
    (out / WEIGHTS).chmod(0o644)
    config = model.peft_config["default"].to_dict() | {
        "base_model_name_or_path": None,
        "inference_mode": True,
        "task_type": "CAUSAL_LM",
    }
    if strength != 1:
        config["lora_alpha"] *= strength
    text = json.dumps(config, indent=2, sort_keys=True, default=_plain)
    (out / CONFIG).write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Sets (PEFT's target modules) in a fixed order, enums by value."""
    return sorted(value) if isinstance(value, (set, frozenset)) else getattr(value, "value", str(value))
