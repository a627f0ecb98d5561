from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from counterpoise.errors import ModelError
from counterpoise.models.convert import convert_checkpoint, convert_gguf
from counterpoise.models.loading import load_model


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def pickled(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny model as hubs used to serve models: tensors in a ``.bin`` pickle."""
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_folder, folder)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return folder


@pytest.fixture
def quantized(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny model as a GGUF file, its linear layers in Q8_0."""
    path = tmp_path / "tiny.gguf"
    loaded = load_model(tiny_folder, "fp32", device="cpu")
    merges = json.loads((tiny_folder / "tokenizer.json").read_text())["model"]["merges"]
    config, tokenizer = loaded.model.config, loaded.tokenizer
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    writer.add_token_list(vocabulary)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if i < 3 else gguf.TokenType.NORMAL for i in range(len(vocabulary))]
    )
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in loaded.model.state_dict().items():
        target = names.get_name(name, try_suffixes=(".weight",))
        if target is None or name.startswith("lm_head"):
            continue
        data = tensor.numpy()
        if heads := {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(
            name.split(".")[-2]
        ):
            # GGUF interleaves the two halves of each rotary head.
            data = data.reshape(heads, 2, -1, data.shape[1]).swapaxes(1, 2).reshape(data.shape)
        if "_proj" in name:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(target, gguf.quants.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(target, data.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_pickled_checkpoint_becomes_the_same_model_in_safetensors(
    pickled: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    convert_checkpoint(pickled, tmp_path / "one")
    convert_checkpoint(pickled, tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert not list((tmp_path / "one").glob("*.bin"))
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path / "one", tiny_folder))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert str(tmp_path) not in (tmp_path / "one" / "config.json").read_text()


def test_the_stored_dtype_is_kept(tiny_folder: Path, tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float16).save_pretrained(tmp_path / "half")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_folder / name, tmp_path / "half" / name)
    convert_checkpoint(tmp_path / "half", tmp_path / "out")
    assert {value.dtype for value in load_file(tmp_path / "out" / "model.safetensors").values()} == {
        torch.float16
    }


def test_a_pickle_that_would_run_code_is_refused(pickled: Path, tmp_path: Path) -> None:
    canary = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (eval, (f"open({str(canary)!r}, 'w')",))

    torch.save({"model.embed_tokens.weight": Attack()}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        convert_checkpoint(pickled, tmp_path / "out")
    assert not canary.exists()
    assert not (tmp_path / "out").exists()


def test_a_gguf_file_is_dequantized_once(
    quantized: Path, tiny_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    convert_gguf(quantized, tmp_path / "one")
    convert_gguf(quantized, tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert capfd.readouterr() == ("", "")
    config = (tmp_path / "one" / "config.json").read_text()
    assert "quantization" not in config
    assert str(tmp_path) not in config
    ids = torch.tensor([[1, 40, 50, 60]])
    with torch.no_grad():
        ours, exact = (
            load_model(folder, "fp32", device="cpu").model(ids).logits
            for folder in (tmp_path / "one", tiny_folder)
        )
    # Q8_0 keeps eight bits of each weight.
    assert float((ours - exact).abs().max()) < 0.1


@pytest.mark.parametrize(
    ("content", "message"), [(b"not a model", "not a GGUF file"), (b"GGUF torn", "cannot be loaded")]
)
def test_what_is_no_gguf_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        convert_gguf(tmp_path / "x.gguf", tmp_path / "out")
    with pytest.raises(ModelError, match="no such file"):
        convert_gguf(tmp_path / "y.gguf", tmp_path / "out")


def test_what_is_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        convert_checkpoint(tmp_path, tmp_path / "out")
