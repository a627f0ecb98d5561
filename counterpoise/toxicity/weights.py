"""What the two transformer implementations share: device, tokenizer, longest input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer

from counterpoise.errors import ModelError


def chosen_device(device: str | None) -> str:
    """The device asked for, else a GPU if there is one."""
    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def quiet() -> None:
    """No bar of the library's own while weights load: progress is ours to show."""
    transformers.logging.disable_progress_bar()


def usable_positions(model: Any) -> int | None:
    """How many tokens the model can read, or None where its configuration gives no limit (or −1, as XLNet's does).

    RoBERTa and its kin count positions from their padding index + 1, so that many of ``max_position_embeddings`` are
    never used.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return None
    reserved = [
        module.padding_idx + 1
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return limit - max(reserved, default=0)


def load_tokenizer(folder: Path, positions: int | None) -> Any:
    """The tokenizer in ``folder``, cutting texts at what the model can read.

    Args:
        positions: of :func:`usable_positions`.

    Raises:
        ModelError: no tokenizer there.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError):
        tokenizer = None
    # Where there is no vocabulary, transformers 5 gives a tokenizer of special tokens alone, without a word.
    if tokenizer is None or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError(
            f"{folder} has no tokenizer",
            "put tokenizer.json (or the vocabulary) and config.json of the model there",
        )
    if positions is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return tokenizer
