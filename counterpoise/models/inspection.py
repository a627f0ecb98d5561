"""Whether what was loaded is what was given: every load is looked at, and anything left to chance is an error."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from counterpoise.errors import ModelError

if TYPE_CHECKING:
    from counterpoise.models.config import Precision

HARMLESS = (
    ".rotary_emb.inv_freq",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
    ".position_ids",
)
"""Ends of the names of buffers that old checkpoints carry and that every model makes anew."""
WRAPPERS = {
    "_orig_mod.": "a compiled model",
    "module.": "a model wrapped for several devices",
    "_fsdp_wrapped_module.": "a model wrapped by FSDP",
    "_checkpoint_wrapped_module.": "a model that recomputes activations",
    "base_model.model.": "a PEFT model",
}
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""How weights are stored where nothing is quantized."""
INTEGERS = frozenset({"I64", "I32", "I16", "BOOL"})
"""How buffers may be stored: tables of positions, masks."""
LEAST_QUANTIZED = 0.75
_SHOWN = 3


def check_plain_weights(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise :class:`ModelError` if the weights are quantized already: no precision could be chosen for them."""
    found = config.get("quantization_config")
    if found:
        method = found.get("quant_method", "an unnamed method") if isinstance(found, dict) else found
        raise ModelError(
            f"{folder}: its weights are already quantized ({method}), so fp32, bf16 or nf4 would be a wrong label",
            "give the checkpoint that it was made from, or dequantize it first",
        )
    check_floats(sorted(folder.glob("*.safetensors")))


def check_floats(files: Iterable[Path]) -> None:
    """Raise :class:`ModelError` if the weights in these safetensors files are no plain floating-point numbers.

    Without the scales that belong to them, integers and 8-bit floats would be read as if they were the weights.
    """
    for path, dtypes in _stored_dtypes(files):
        narrow = sorted({dtype for name, dtype in dtypes if not _plain(name, dtype)})
        if narrow:
            raise ModelError(
                f"{path}: its weights are stored as {', '.join(narrow)}, expected F32, F16 or BF16",
                "give weights that are not quantized",
            )


def _plain(name: str, dtype: str) -> bool:
    is_buffer = not name.endswith((".weight", ".bias", ".qweight"))
    return dtype in FLOATS or (dtype in INTEGERS and is_buffer) or _harmless(name)


def _stored_dtypes(files: Iterable[Path]) -> Iterator[tuple[Path, list[tuple[str, str]]]]:
    for path in files:
        try:
            with safe_open(path, "pt") as weights:
                names = weights.keys()
                yield path, [(name, weights.get_slice(name).get_dtype()) for name in names]
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{path}: not a readable safetensors file ({' '.join(str(error).split())[:120]})",
                "fetch or copy it again: it may be cut off, or a pointer to the real file",
            ) from None


def check_loading(folder: Path, info: Mapping[str, Any]) -> None:
    """Raise :class:`ModelError` unless every weight of the model came from the files, and every one of theirs was used.

    Args:
        info: what ``from_pretrained(…, output_loading_info=True)`` says.
    """
    mismatched = sorted(info["mismatched_keys"])
    if mismatched:
        name, stored, expected = mismatched[0]
        more = f", and {len(mismatched) - 1} more" if len(mismatched) > 1 else ""
        raise ModelError(
            f"{folder}: {name} is stored as {list(stored)} and config.json asks for {list(expected)}{more}",
            "give weights and config.json of one model",
        )
    missing = sorted(info["missing_keys"])
    unexpected = sorted(name for name in info["unexpected_keys"] if not _harmless(name))
    wrapper = next((head for head in WRAPPERS if any(f".{head}" in f".{name}" for name in unexpected)), None)
    if wrapper and missing:
        raise ModelError(
            f"{folder}: its weights are named as {WRAPPERS[wrapper]} names them: {_some(unexpected)}",
            f"save the model inside, or take {wrapper!r} off every name",
        )
    if missing:
        raise ModelError(
            f"{folder}: {len(missing)} weights of the model are not in its files: {_some(missing)}",
            "they would be random: fetch or save the checkpoint again, whole",
        )
    if unexpected:
        raise ModelError(
            f"{folder}: {len(unexpected)} weights in its files are not part of the model: {_some(unexpected)}",
            "config.json describes another model: give weights and config.json of one model",
        )


def check_adapter(
    folder: Path, stored: Collection[str], unused: Collection[str], wanted: Iterable[str]
) -> None:
    """Raise :class:`ModelError` unless the adapter's file holds what its configuration says, and no more.

    Args:
        stored: names in ``adapter_model.safetensors``.
        unused: those that matched nothing in the model.
        wanted: names that the adapter's configuration asks for on this model.
    """
    missing = sorted(set(wanted) - set(stored))
    if missing:
        found = f"; it holds {_some(sorted(stored))}" if unused else ""
        raise ModelError(
            f"{folder}: {len(missing)} weights of the adapter are not in its file: {_some(missing)}{found}",
            "give the base model it was trained on, or save the adapter again",
        )
    if unused:
        raise ModelError(
            f"{folder}: {len(unused)} weights of the adapter fit nothing in the model: {_some(sorted(unused))}",
            "give the base model it was trained on",
        )


def check_vocabulary(folder: Path, rows: int, tokenizer: Any) -> None:
    """Raise :class:`ModelError` if BOS or EOS have no embedding among the model's ``rows``."""
    for role, token, index in (
        ("BOS", tokenizer.bos_token, tokenizer.bos_token_id),
        ("EOS", tokenizer.eos_token, tokenizer.eos_token_id),
    ):
        if index is not None and index >= rows:
            raise ModelError(
                f"{folder}: the tokenizer's {role} token {token!r} has id {index} and the model {rows:,} embeddings",
                "resize the embeddings to the tokenizer and train them, or give the tokenizer the model came with",
            )


def check_precision(folder: Path, model: Any, precision: Precision) -> None:
    """Raise :class:`ModelError` if the weights are not in the precision that was asked for.

    nf4 is refused where it would be a wrong label: where more than a quarter of the weights (embeddings and output
    head, which stay as they are, not counted) cannot be quantized, such as experts that are one tensor all together.
    """
    if precision != "nf4":
        return
    share = _quantized_share(model)
    if share == 0:
        raise ModelError(
            f"{folder}: {type(model).__name__} has no layer that can be quantized to nf4", "use bf16 or fp32"
        )
    if share < LEAST_QUANTIZED:
        raise ModelError(
            f"{folder}: only {share:.0%} of the weights of {type(model).__name__} can be quantized to nf4, the rest "
            "would be bf16 under that label",
            "use bf16 or fp32",
        )


def _quantized_share(model: Any) -> float:
    """Of the weights in matrices that are no embedding or output head, the share in 4 bits, 0 to 1."""
    head = model.get_output_embeddings()
    left = {id(value) for module in model.modules() if _is_embedding(module) for value in module.parameters()}
    left |= {id(value) for value in head.parameters()} if head is not None else set()
    narrow = wide = 0
    for value in model.parameters():
        if getattr(value, "quant_type", None) == "nf4":
            narrow += value.quant_state.shape.numel()
        elif value.ndim > 1 and id(value) not in left:
            wide += value.numel()
    return narrow / (narrow + wide) if narrow else 0.0


def _is_embedding(module: Any) -> bool:
    return "Embedding" in type(module).__name__


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


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelError: there is no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent}: not {what} (no {path.name})", "check the path") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: not valid JSON ({error})", "restore the file") from None
    if not isinstance(content, dict):
        raise ModelError(
            f"{path}: expected a JSON object, found {type(content).__name__}", "restore the file"
        )
    return content


def _harmless(name: str) -> bool:
    return f".{name}".endswith(HARMLESS)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
