"""A causal language model from a local folder, at one of three precisions, with or without an adapter."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from counterpoise.errors import CounterpoiseError, ModelError
from counterpoise.models.adapters import ADAPTER_CONFIG, attach, check_adapter_folder
from counterpoise.models.attention import use_short_attention

if TYPE_CHECKING:
    from counterpoise.models.config import Precision
from counterpoise.models.inspection import (
    check_loading,
    check_plain_weights,
    check_precision,
    check_vocabulary,
    read_json,
)

DTYPES: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "nf4": torch.bfloat16}
"""The dtype of activations (and, for fp32 and bf16, of the weights) at each precision."""

SHORT_ATTENTION = frozenset({"llama"})
"""Architectures that a CPU scores, trains and decodes with our own attention (see its module)."""

INSPECTED: dict[str, Any] = {"output_loading_info": True, "ignore_mismatched_sizes": True}
"""For ``from_pretrained``: say what did not fit; :func:`check_loading` makes it an error that names the weights."""

_NOISY = ("bitsandbytes", "transformers", "peft", "trl", "accelerate", "datasets", "torchao", "gguf")


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, in evaluation mode, and what it takes to use it.

    Attributes:
        model: a ``transformers`` causal model, or the ``PeftModel`` around it when an adapter was loaded.
        tokenizer: its fast tokenizer; ``pad_token`` is set.
        precision: the precision the base weights were loaded at.
        device: where the weights are.
        base_intact: whether the model with its adapter off is the base as it was given.
    """

    model: Any
    tokenizer: Any
    precision: Precision
    device: torch.device
    base_intact: bool = True

    @property
    def has_adapter(self) -> bool:
        """Whether an adapter was loaded with the model."""
        return hasattr(self.model, "peft_config")


def quiet_libraries() -> None:
    """Keep progress bars and advisory messages of the model libraries off the terminal; errors still show."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def load_model(
    folder: Path,
    precision: Precision,
    *,
    device: str | torch.device | None = None,
    adapter: Path | None = None,
) -> LoadedModel:
    """Load a model folder (``config.json``, safetensors, tokenizer) and freeze it.

    Args:
        precision: ``nf4`` quantizes every linear layer but the output head to 4-bit NormalFloat with double
            quantization and computes in bf16 (Dettmers et al. 2023), on CPU and GPU alike.
        device: default: the first CUDA device if there is one, else the CPU.
        adapter: a PEFT LoRA folder in safetensors; it is loaded, kept in fp32 and switched on.

    Raises:
        ModelError: the folder, its weights or the adapter is not what it must be.
    """
    quiet_libraries()
    check_model_folder(folder)
    if adapter is not None:
        check_adapter_folder(adapter)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    with model_errors(folder, "the model"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _base_model(folder, precision, place)
        check_precision(folder, model, precision)
    with model_errors(folder, "the tokenizer"):
        tokenizer = fitting_tokenizer(folder, model)
    intact = True
    if adapter is not None:
        with model_errors(adapter, "the adapter"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, intact = attach(model, adapter)
    model.requires_grad_(False)
    model.eval()
    return LoadedModel(model, tokenizer, precision, place, intact)


@contextlib.contextmanager
def adapter_switched(loaded: LoadedModel, on: bool) -> Iterator[LoadedModel]:
    """``loaded`` with its adapter on or off, so base and tuned go through the very same weights.

    Raises:
        ModelError: ``on`` without an adapter; off where the adapter has changed the base itself.
    """
    if not loaded.has_adapter:
        if on:
            raise ModelError(
                "the adapter cannot be switched on: none is loaded", "load the model with adapter=…"
            )
        yield loaded
    elif on:
        yield loaded
    elif not loaded.base_intact:
        raise ModelError(
            "this adapter changes weights of the base itself, so switched off it does not give the base back",
            "score the base alone and the tuned model alone, without comparing them in one call",
        )
    else:
        with loaded.model.disable_adapter():
            yield loaded


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer with a pad token (EOS where the model names none)."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def fitting_tokenizer(folder: Path, model: Any) -> Any:
    """:func:`load_tokenizer`, checked against the model's embeddings.

    A pad token beyond them is replaced by EOS: it is never read. Other tokens beyond them are refused where a text
    has one (:func:`counterpoise.likelihood.encoding.check_ids`).

    Raises:
        ModelError: BOS or EOS has no embedding.
    """
    tokenizer = load_tokenizer(folder)
    tokenizer("a")  # what is broken in its settings is found here, not at the first text
    rows = model.get_input_embeddings().weight.shape[0]
    check_vocabulary(folder, rows, tokenizer)
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.bos_token
    return tokenizer


def check_model_folder(folder: Path) -> None:
    """Raise :class:`ModelError` unless ``folder`` holds a configuration, plain safetensors and a tokenizer."""
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder", "give the folder that holds config.json")
    config = read_json(folder / "config.json", "a model folder")
    if "model_type" not in config:
        raise ModelError(
            f"{folder / 'config.json'}: it names no model_type", "give a causal language model's folder"
        )
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for pattern in ("*.bin", "*.gguf", "*.pt") for path in folder.glob(pattern))
        found = f"it holds {', '.join(others)}, but" if others else "it holds"
        raise ModelError(
            f"{folder}: {found} no *.safetensors weights", "convert it to a safetensors folder first"
        )
    if (folder / ADAPTER_CONFIG).is_file():
        raise ModelError(
            f"{folder}: it holds an adapter beside the model's weights, and transformers would apply it unasked",
            f"move {ADAPTER_CONFIG} and its weights to a folder of their own and give that as the adapter",
        )
    check_plain_weights(folder, config)
    if not any(
        (folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
    ):
        raise ModelError(f"{folder}: it holds no tokenizer", "add tokenizer.json (and tokenizer_config.json)")


@contextlib.contextmanager
def model_errors(folder: Path, what: str) -> Iterator[None]:
    """Turn what the libraries raise about a bad folder into one :class:`ModelError` line."""
    try:
        yield
    except (CounterpoiseError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise _unloadable(folder, what, error) from error


def _unloadable(folder: Path, what: str, cause: Exception) -> ModelError:
    reason = " ".join(str(cause).split())[:300]
    if "trust_remote_code" in reason:
        return ModelError(
            f"{folder}: {what} needs code of its own from its folder, which is never run here",
            "name a model of an architecture that transformers has",
        )
    return ModelError(
        f"{folder}: {what} cannot be loaded ({type(cause).__name__}: {reason})",
        "check that every file is complete and of a supported architecture",
    )


def _base_model(folder: Path, precision: Precision, device: torch.device) -> Any:
    options: dict[str, Any] = {"quantization_config": _nf4()} if precision == "nf4" else {}
    model, info = AutoModelForCausalLM.from_pretrained(
        str(folder),
        dtype=DTYPES[precision],
        device_map={"": device},
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        **INSPECTED,
        **options,
    )
    check_loading(folder, info)
    _keep_training_weights(model)
    _keep_head_from_copies(model)
    if model.config.model_type in SHORT_ATTENTION:
        use_short_attention(model)
    return model


def _keep_training_weights(model: Any) -> None:
    """Forbid bitsandbytes to repack 4-bit weights on the first forward pass in evaluation mode.

    On CPUs with AVX512-BF16 that repacking is in place and for good: block scales are rounded to bf16 (so the
    model scored is no longer the model trained) and the packed product has no gradient (so training after an
    evaluation would leave all but the last layers without one, silently).
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _keep_head_from_copies(model: Any) -> None:
    """Hand the output head contiguous rows.

    While prompts are read, ``transformers`` passes it the last state of each: a strided view, which
    PyTorch multiplies with one copy of the 49k-wide head *for each prompt*. For 64 prompts that took longer than
    writing 32 tokens, and gigabytes.
    """
    head = model.get_output_embeddings()
    if head is not None:
        head.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(), *inputs[1:]))


def _nf4() -> Any:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
