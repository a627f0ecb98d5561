"""What was loaded is what was given, or one line says why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    GPT2Config,
    GPT2LMHeadModel,
    MixtralConfig,
    MixtralForCausalLM,
)

from counterpoise.errors import ModelError
from counterpoise.models.convert import convert_checkpoint
from counterpoise.models.loading import adapter_switched, load_model

Weights = dict[str, torch.Tensor]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_folder, tmp_path / "model")
    return tmp_path / "model"


def rewrite(path: Path, change: Callable[[Weights], Weights]) -> None:
    save_file(
        {name: value.contiguous() for name, value in change(load_file(path)).items()}, path, {"format": "pt"}
    )


def configure(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


DAMAGES: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "compiled": (
        lambda w: {f"_orig_mod.{name}": value for name, value in w.items()},
        "as a compiled model names them: _orig_mod.model.embed_tokens.weight",
    ),
    "several devices": (
        lambda w: {f"module.{name}": v for name, v in w.items()},
        "wrapped for several devices",
    ),
    "compiled inside": (
        lambda w: {n.replace("model.", "model._orig_mod."): value for n, value in w.items()},
        r"as a compiled model names them: model\._orig_mod\.embed_tokens\.weight",
    ),
    "a bias too many": (
        lambda w: w | {"model.layers.0.self_attn.c_attn.bias": torch.zeros(64)},
        r"1 weights in its files are not part of the model: model\.layers\.0\.self_attn\.c_attn\.bias",
    ),
    "a layer missing": (
        lambda w: {name: value for name, value in w.items() if ".layers.1." not in name},
        "9 weights of the model are not in its files: model.layers.1.input_layernorm.weight",
    ),
    "one weight missing": (
        lambda w: {n: v for n, v in w.items() if n != "model.norm.weight"},
        "1 weights of the model",
    ),
    "a weight too many": (
        lambda w: w | {"model.layers.2.mlp.up_proj.weight": torch.zeros(2, 2)},
        "1 weights in its files are not part of the model",
    ),
    "another shape": (
        lambda w: w | {"model.norm.weight": torch.ones(63)},
        r"model.norm.weight is stored as \[63\] and config.json asks for \[64\]",
    ),
    "eight bits": (
        lambda w: w | {"model.layers.0.mlp.up_proj.weight": torch.zeros(64, 64, dtype=torch.int8)},
        "stored as I8, expected F32",
    ),
    "whole numbers": (
        lambda w: (
            w
            | {
                "model.layers.0.mlp.up_proj.weight": (w["model.layers.0.mlp.up_proj.weight"] * 100).to(
                    torch.int32
                )
            }
        ),
        "stored as I32, expected F32",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_weights_that_are_not_the_models_are_refused(folder: Path, name: str) -> None:
    change, message = DAMAGES[name]
    rewrite(folder / "model.safetensors", change)
    for read in (
        lambda: load_model(folder, "fp32", device="cpu"),
        lambda: convert_checkpoint(folder, folder / "out"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            read()
        assert "\n" not in str(caught.value)
        assert caught.value.remedy
    assert not (folder / "out").exists()


def test_buffers_of_old_checkpoints_do_no_harm(folder: Path) -> None:
    rewrite(
        folder / "model.safetensors",
        lambda w: w | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)},
    )
    load_model(folder, "fp32", device="cpu")


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
def test_weights_that_are_quantized_already_are_refused(
    tiny_folder: Path, tmp_path: Path, precision: Any
) -> None:
    four_bit = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="fp4")
    model = AutoModelForCausalLM.from_pretrained(
        tiny_folder, quantization_config=four_bit, device_map={"": "cpu"}
    )
    out = tmp_path / "quantized"
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_folder / name, out / name)
    with pytest.raises(ModelError, match=r"already quantized \(bitsandbytes\)"):
        load_model(out, precision, device="cpu")
    with pytest.raises(ModelError, match="already quantized"):
        convert_checkpoint(out, tmp_path / "converted")
    configure(out, quantization_config=None)  # hidden, it is found all the same
    with pytest.raises(ModelError):
        load_model(out, precision, device="cpu")


def _packed(weight: torch.Tensor, layout: str) -> Weights:
    """A linear layer's tensors, by suffix, as the tools that quantize checkpoints name and shape them at 4 bits."""
    rows, columns = weight.shape
    if layout == "mlx":
        words = torch.zeros(rows, columns // 8, dtype=torch.uint32)
        return {"weight": words, "scales": torch.ones(rows, 1), "biases": torch.zeros(rows, 1)}
    shape = (columns // 8, rows) if layout == "gptq" else (columns, rows // 8)
    return {
        "qweight": torch.zeros(shape, dtype=torch.int32),
        "qzeros": torch.zeros(1, rows // 8, dtype=torch.int32),
        "scales": torch.ones(1, rows, dtype=torch.float16),
    }


@pytest.mark.parametrize("layout", ["gptq", "awq", "mlx"])
def test_other_tools_quantized_checkpoints_are_refused_even_if_nothing_says_so(
    folder: Path, layout: str
) -> None:
    def packed(weights: Weights) -> Weights:
        linear = [name for name in weights if name.endswith("_proj.weight")]
        kept = {name: value for name, value in weights.items() if name not in linear}
        for name in linear:
            parts = _packed(weights[name], layout)
            kept |= {f"{name.removesuffix('weight')}{suffix}": value for suffix, value in parts.items()}
        return kept

    rewrite(folder / "model.safetensors", packed)
    with pytest.raises(ModelError, match=r"its weights are stored as (I32|U32), expected F32, F16 or BF16"):
        load_model(folder, "fp32", device="cpu")
    configure(folder, quantization_config={"quant_method": layout, "bits": 4, "group_size": 128})
    with pytest.raises(ModelError, match=rf"already quantized \({layout}\)"):
        load_model(folder, "fp32", device="cpu")


def test_a_cut_file_and_a_pointer_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for content in (
        whole[:-7],
        whole[:40],
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        b"",
    ):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model\.safetensors: not a readable safetensors file"):
            load_model(folder, "fp32", device="cpu")


def test_a_shard_that_is_not_there(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    first, second = names[: len(names) // 2], names[len(names) // 2 :]
    save_file(
        {name: weights[name] for name in first}, folder / "model-00001-of-00002.safetensors", {"format": "pt"}
    )
    places = dict.fromkeys(first, "model-00001-of-00002.safetensors")
    places |= dict.fromkeys(second, "model-00002-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    with pytest.raises(ModelError, match="model-00002-of-00002"):
        load_model(folder, "fp32", device="cpu")


def test_bos_beyond_the_embeddings_is_refused_and_a_pad_token_there_is_replaced(folder: Path) -> None:
    tokenizer = load_model(folder, "fp32", device="cpu").tokenizer
    tokenizer.add_tokens([f"<filler {number}>" for number in range(384 - len(tokenizer))])
    assert len(tokenizer) == json.loads((folder / "config.json").read_text())["vocab_size"] == 384
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.save_pretrained(folder)
    assert load_model(folder, "fp32", device="cpu").tokenizer.pad_token == "</s>"
    tokenizer.add_special_tokens({"bos_token": "<|startoftext|>"})
    tokenizer.save_pretrained(folder)
    with pytest.raises(
        ModelError, match=r"BOS token '<\|startoftext\|>' has id 385 and the model 384 embeddings"
    ):
        load_model(folder, "fp32", device="cpu")


def test_an_adapter_beside_the_weights_is_never_applied_unasked(folder: Path, tmp_path: Path) -> None:
    made = adapter(folder, tmp_path / "adapter")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(made / name, folder / name)
    with pytest.raises(ModelError, match="holds an adapter beside the model's weights"):
        load_model(folder, "fp32", device="cpu")


def test_a_tokenizer_that_cannot_be_asked_is_one_line(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": "many"}))
    with pytest.raises(ModelError, match="the tokenizer cannot be loaded"):
        load_model(folder, "fp32", device="cpu")


def test_nf4_of_experts_that_stay_bf16_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    # Each of two experts has 3 · 32 · 32 = 3,072 weights; attention has 4 · 32 · 32 = 4,096, and the router 64:
    # 4,096 of 10,304 can be quantized.
    config = MixtralConfig(
        vocab_size=384,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=2,
    )
    MixtralForCausalLM(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_folder / name, tmp_path / name)
    load_model(tmp_path, "bf16", device="cpu")
    with pytest.raises(ModelError, match="only 40% of the weights of MixtralForCausalLM"):
        load_model(tmp_path, "nf4", device="cpu")


def test_nf4_of_a_model_without_linear_layers_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    # Every block of this one is left out, so nothing is there to quantize.
    GPT2LMHeadModel(GPT2Config(vocab_size=384, n_embd=32, n_head=2, n_layer=0)).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_folder / name, tmp_path / name)
    load_model(tmp_path, "fp32", device="cpu")
    with pytest.raises(ModelError, match="no layer that can be quantized to nf4"):
        load_model(tmp_path, "nf4", device="cpu")


TARGETS = ["q_proj", "v_proj"]
ADAPTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rank-stabilised": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "with a bias": {"lora_bias": True},
    "on the head": {"target_modules": [*TARGETS, "lm_head"]},
    "on the embeddings": {"target_modules": [*TARGETS, "embed_tokens"]},
    "with a head of its own": {"modules_to_save": ["lm_head"]},
    "with patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 1}},
    "with tokens of its own": {"trainable_token_indices": {"embed_tokens": [5, 6, 70]}},
}


def adapter(base: Path, out: Path, **options: Any) -> Path:
    torch.manual_seed(1)
    config = LoraConfig(
        **{"r": 4, "lora_alpha": 8, "target_modules": TARGETS, "task_type": "CAUSAL_LM"} | options
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(out)
    return out


@pytest.fixture
def untied(folder: Path) -> Path:
    """The tiny model with a head of its own, which an adapter may change without the embeddings."""
    configure(folder, tie_word_embeddings=False)
    rewrite(
        folder / "model.safetensors", lambda w: w | {"lm_head.weight": w["model.embed_tokens.weight"].clone()}
    )
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_of_any_kind_is_applied_as_peft_applies_it(
    untied: Path, tmp_path: Path, name: str
) -> None:
    made = adapter(untied, tmp_path / "adapter", **ADAPTERS[name])
    ids = torch.tensor([[1, 40, 50, 60, 70, 80, 5, 6]])
    with torch.no_grad():
        expected = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(untied), made).eval()(
            input_ids=ids
        )
        base = load_model(untied, "fp32", device="cpu").model(input_ids=ids).logits
        found = load_model(untied, "fp32", device="cpu", adapter=made).model(input_ids=ids).logits
    torch.testing.assert_close(found, expected.logits, rtol=1e-5, atol=1e-5)
    assert float((found - base).abs().max()) > 0.01


HALF: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "renamed": (
        lambda w: {
            name.replace("base_model.model.", "base_model.model._orig_mod."): v for name, v in w.items()
        },
        "8 weights of the adapter are not in its file.* it holds base_model.model._orig_mod",
    ),
    "half": (
        lambda w: {n: v for n, v in w.items() if ".layers.1." not in n},
        "4 weights of the adapter are not",
    ),
    "empty": (lambda w: {"nothing": torch.zeros(1)}, "8 weights of the adapter are not in its file"),
    "one more": (
        lambda w: (
            w
            | {
                next(iter(w)).replace("layers.0", "layers.9").replace("layers.1", "layers.9"): torch.ones(
                    4, 64
                )
            }
        ),
        "1 weights of the adapter fit nothing in the model",
    ),
    "whole numbers": (
        lambda w: {n: (v * 50).to(torch.int8) for n, v in w.items()},
        "stored as I8, expected F32, F16 or BF16",
    ),
    "eight-bit floats": (
        lambda w: {n: v.to(torch.float8_e4m3fn) for n, v in w.items()},
        "stored as F8_E4M3, expected F32, F16 or BF16",
    ),
    "another shape": (
        lambda w: {n: v[..., :-1] if "lora_A" in n else v for n, v in w.items()},
        "cannot be loaded",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HALF)
def test_an_adapter_that_is_applied_in_part_is_refused(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    change, message = HALF[name]
    made = adapter(tiny_folder, tmp_path / "adapter")
    rewrite(made / "adapter_model.safetensors", change)
    with pytest.raises(ModelError, match=message):
        load_model(tiny_folder, "fp32", device="cpu", adapter=made)


@pytest.mark.filterwarnings("ignore")
def test_a_head_that_the_adapter_promises_and_lacks_is_missed(untied: Path, tmp_path: Path) -> None:
    made = adapter(untied, tmp_path / "adapter", modules_to_save=["lm_head"])
    rewrite(made / "adapter_model.safetensors", lambda w: {n: v for n, v in w.items() if "lm_head" not in n})
    with pytest.raises(ModelError, match=r"adapter cannot be loaded .*lm_head\.weight"):
        load_model(untied, "fp32", device="cpu", adapter=made)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options",
    [{"init_lora_weights": "pissa"}, {"init_lora_weights": "olora"}, {"layer_replication": [(0, 2), (1, 2)]}],
)
def test_an_adapter_that_changes_the_base_is_never_switched_off(
    tiny_folder: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    made = adapter(tiny_folder, tmp_path / "adapter", **options)
    loaded = load_model(tiny_folder, "fp32", device="cpu", adapter=made)
    with adapter_switched(loaded, True):
        pass
    with (
        pytest.raises(ModelError, match="changes weights of the base itself"),
        adapter_switched(loaded, False),
    ):
        pass
    plain = load_model(tiny_folder, "fp32", device="cpu", adapter=adapter(tiny_folder, tmp_path / "plain"))
    assert plain.base_intact


@pytest.mark.filterwarnings("ignore")
def test_biases_that_the_adapter_promises_belong_to_it(tiny_folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    GPT2LMHeadModel(GPT2Config(vocab_size=384, n_embd=32, n_head=2, n_layer=1)).save_pretrained(base)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_folder / name, base / name)
    made = adapter(base, tmp_path / "adapter", target_modules=["c_attn"], bias="all")
    assert not load_model(base, "fp32", device="cpu", adapter=made).base_intact
    rewrite(
        made / "adapter_model.safetensors", lambda w: {n: v for n, v in w.items() if "ln_1.bias" not in n}
    )
    with pytest.raises(ModelError, match=r"1 weights of the adapter are not in its file: .*ln_1\.bias"):
        load_model(base, "fp32", device="cpu", adapter=made)
