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


def load_tokenizer(folder: Path, positions: int | None) -> Any:
    """The tokenizer in ``folder``, cutting texts at what the model can read.

    Args:
        positions: of :func:`counterpoise.models.inspection.usable_positions`.

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
