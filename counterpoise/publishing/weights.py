"""The weights and tokenizer of what is published, in safetensors; nothing of ours is needed to load them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from counterpoise.alignment.lora import CONFIG, WEIGHTS
from counterpoise.models.adapters import check_adapter_folder
from counterpoise.models.convert import write_model
from counterpoise.models.loading import load_model, load_tokenizer, quiet_libraries


def write_adapter(base: Path, adapter: Path, out: Path, base_name: str) -> None:
    """The adapter as PEFT loads it, and the tokenizer.

    Args:
        base_name: what PEFT is told the base model is: a hub repository, or a name.
    """
    check_adapter_folder(adapter)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(adapter / WEIGHTS, out / WEIGHTS)
    config = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    load_tokenizer(base).save_pretrained(str(out))


def write_merged(base: Path, adapter: Path, out: Path) -> None:
    """The whole model: the adapter added to the base's own weights in fp32, then stored in the base's dtype."""
    quiet_libraries()
    loaded = load_model(base, "fp32", adapter=adapter, device="cpu")
    merged: Any = loaded.model.merge_and_unload()
    name = json.loads((base / "config.json").read_text(encoding="utf-8"))
    dtype = getattr(torch, str(name.get("dtype") or name.get("torch_dtype") or "float32"))
    write_model(merged.to(dtype), loaded.tokenizer, out)
