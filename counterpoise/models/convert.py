"""Any supported checkpoint to one form: a folder of safetensors, a configuration and a fast tokenizer.

Converting is done once, in a cached stage; afterwards every load takes about a second, needs no pickle and
no dequantization. The bytes depend only on the input and the library versions.
"""

from __future__ import annotations

import contextlib
import io
import stat
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from counterpoise.errors import ModelError
from counterpoise.models.inspection import check_loading, check_plain_weights, read_json
from counterpoise.models.loading import INSPECTED, fitting_tokenizer, model_errors, quiet_libraries


def convert_gguf(gguf: Path, out: Path) -> None:
    """Dequantize a GGUF file to a fp32 safetensors folder with its tokenizer.

    Args:
        gguf: one self-contained ``.gguf`` file of an architecture ``transformers`` can read.
        out: a new or empty folder.

    Raises:
        ModelError: the file is not a readable GGUF model.
    """
    quiet_libraries()
    if not gguf.is_file():
        raise ModelError(f"{gguf}: no such file", "give a .gguf model file")
    with gguf.open("rb") as stream:
        magic = stream.read(4)
    if magic != b"GGUF":
        raise ModelError(f"{gguf}: not a GGUF file (it starts with {magic!r})", "fetch it again")
    where: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    # Dequantizing draws a progress bar that no setting of transformers turns off.
    quiet = contextlib.redirect_stderr(io.StringIO())
    with model_errors(gguf, "the model"), warnings.catch_warnings(), quiet:
        warnings.simplefilter("ignore")
        model, info = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), dtype=torch.float32, **INSPECTED, **where
        )
        check_loading(gguf, info)
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **where)
    write_model(model, tokenizer, out)


def convert_checkpoint(folder: Path, out: Path) -> None:
    """Rewrite a hub-style model folder as safetensors, in the dtype it was stored in.

    Safetensors are preferred; ``.bin`` files are read through ``torch.load(weights_only=True)`` alone, which
    refuses any pickle that would run code.

    Raises:
        ModelError: the folder is not a causal language model, or its pickle is not plain tensors.
    """
    quiet_libraries()
    check_plain_weights(folder, read_json(folder / "config.json", "a model folder"))
    with model_errors(folder, "the model"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype="auto",
            use_safetensors=any(folder.glob("*.safetensors")),
            weights_only=True,
            local_files_only=True,
            trust_remote_code=False,
            **INSPECTED,
        )
        check_loading(folder, info)
        tokenizer = fitting_tokenizer(folder, model)
    write_model(model, tokenizer, out)


def write_model(model: Any, tokenizer: Any, out: Path) -> None:
    """Save ``model`` and ``tokenizer`` under ``out``; the same input gives the same bytes.

    A dequantized GGUF model still carries its quantizer, and ``save_pretrained`` refuses until both marks of
    it are cleared; provenance names from the source file do not belong in the configuration either.
    """
    model.hf_quantizer = None
    for stray in ("quantization_config", "_model_name_or_path"):
        if hasattr(model.config, stray):
            delattr(model.config, stray)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(out), max_shard_size="4GB")
    tokenizer.save_pretrained(str(out))
    for path in out.iterdir():
        # safetensors writes 0600; a shared store is read by other users too.
        path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH)
