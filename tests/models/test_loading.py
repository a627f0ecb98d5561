from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bitsandbytes
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from counterpoise.errors import ModelError
from counterpoise.models.config import Precision
from counterpoise.models.loading import adapter_switched, load_model

IDS = torch.tensor([[1, 40, 50, 60, 70, 80]])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model(IDS).logits.float()
    return result


@pytest.fixture
def adapter(tiny_folder: Path, tmp_path: Path) -> Path:
    base = AutoModelForCausalLM.from_pretrained(tiny_folder)
    torch.manual_seed(0)
    model = get_peft_model(
        base, LoraConfig(r=4, target_modules=["q_proj", "up_proj"], init_lora_weights=False)
    )
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 0.1), ("nf4", 1.5)])
def test_every_precision_is_the_same_model_rounded(
    tiny_folder: Path, precision: Precision, within: float
) -> None:
    exact = logits(AutoModelForCausalLM.from_pretrained(tiny_folder))
    loaded = load_model(tiny_folder, precision, device="cpu")
    assert float((logits(loaded.model) - exact).abs().max()) <= within
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert not loaded.model.training


def test_nf4_is_four_bit_with_double_quantization_and_an_unquantized_head(tiny_folder: Path) -> None:
    model = load_model(tiny_folder, "nf4", device="cpu").model
    linear = [module for module in model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert len(linear) == 2 * 7
    assert {module.weight.quant_type for module in linear} == {"nf4"}
    assert all(module.weight.quant_state.nested for module in linear)
    assert model.get_output_embeddings().weight.dtype == torch.bfloat16


def test_evaluating_does_not_repack_the_four_bit_weights(tiny_folder: Path) -> None:
    # bitsandbytes would, on a CPU with AVX512-BF16: in place, with rounded scales, and without a gradient.
    model = load_model(tiny_folder, "nf4", device="cpu").model
    layer = model.model.layers[0].mlp.up_proj
    before = layer.weight.data.clone()
    logits(model)
    assert torch.equal(layer.weight.data, before)
    inputs = torch.randn(1, 3, 64, dtype=torch.bfloat16, requires_grad=True)
    layer(inputs).sum().backward()
    assert inputs.grad is not None
    assert float(inputs.grad.abs().sum()) > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
def test_the_adapter_switches_off_to_the_base_itself(
    tiny_folder: Path, adapter: Path, precision: Precision
) -> None:
    base = logits(load_model(tiny_folder, precision, device="cpu").model)
    loaded = load_model(tiny_folder, precision, device="cpu", adapter=adapter)
    with adapter_switched(loaded, on=False):
        assert torch.equal(logits(loaded.model), base)
    with adapter_switched(loaded, on=True):
        tuned = logits(loaded.model)
    assert float((tuned - base).abs().max()) > 0.01
    assert torch.equal(logits(loaded.model), tuned)
    lora = {value.dtype for name, value in loaded.model.named_parameters() if "lora_" in name}
    assert lora == {torch.float32}


def test_without_an_adapter_there_is_nothing_to_switch_on(tiny_folder: Path) -> None:
    loaded = load_model(tiny_folder, "fp32", device="cpu")
    with adapter_switched(loaded, on=False):
        pass
    with pytest.raises(ModelError, match="none is loaded"), adapter_switched(loaded, on=True):
        pass


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such model folder"),
        (lambda folder: (folder / "config.json").unlink(), "not a model folder \\(no config.json\\)"),
        (write("config.json", "{"), "not valid JSON"),
        (write("config.json", "[]"), "expected a JSON object, found list"),
        (write("config.json", "{}"), "names no model_type"),
        (write("config.json", '{"model_type": "sandwich"}'), "cannot be loaded .*sandwich"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no .*safetensors weights"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "model.bin"),
            "holds model.bin, but no",
        ),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"torn"),
            "not a readable safetensors file",
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), "holds no tokenizer"),
    ],
)
def test_what_is_no_model_folder_is_one_line(
    tiny_folder: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    damage(folder)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(folder, "fp32", device="cpu")
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such adapter folder"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "not an adapter folder"),
        (write("adapter_config.json", '{"peft_type": "IA3"}'), "peft_type is 'IA3', expected 'LORA'"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "no adapter_model.safetensors"),
        (
            lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"torn"),
            "not a readable safetensors file",
        ),
    ],
)
def test_what_is_no_adapter_is_one_line(
    tiny_folder: Path, adapter: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(adapter)
    with pytest.raises(ModelError, match=message):
        load_model(tiny_folder, "fp32", device="cpu", adapter=adapter)


def test_an_adapter_for_another_model_is_refused(tiny_folder: Path, adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["target_modules"] = ["out_proj"]
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"the adapter cannot be loaded .*out_proj"):
        load_model(tiny_folder, "fp32", device="cpu", adapter=adapter)


def test_loading_says_nothing(tiny_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from counterpoise.models.loading import load_model;"
        "load_model(Path(sys.argv[1]), 'nf4', device='cpu')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_the_configuration_imports_nothing_heavy() -> None:
    code = "import sys, counterpoise.models.config, counterpoise.alignment.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "transformers", "pandas"}.isdisjoint(done.stdout.split())


def test_the_head_gets_contiguous_rows_while_a_prompt_is_read(tiny_folder: Path) -> None:
    # A strided view would be multiplied with one copy of the head for each prompt.
    model = load_model(tiny_folder, "bf16", device="cpu").model
    seen: list[bool] = []
    model.get_output_embeddings().register_forward_hook(
        lambda _, inputs, __: seen.append(inputs[0].is_contiguous())
    )
    model.generate(
        input_ids=torch.tensor([[1, 5, 6], [1, 7, 8]]), max_new_tokens=2, min_new_tokens=2, pad_token_id=0
    )
    assert seen == [True, True]
