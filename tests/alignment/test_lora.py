from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

from counterpoise.alignment.config import LoraSettings
from counterpoise.alignment.lora import (
    adaptable_layers,
    adapted_blocks,
    resolve_targets,
    restore_trainable,
    save_adapter,
    trainable_state,
)
from counterpoise.errors import ModelError
from counterpoise.models.loading import LoadedModel, adapter_switched, load_model

LLAMA = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def test_all_linear_is_every_linear_layer_but_the_head(tiny: LoadedModel) -> None:
    assert resolve_targets(tiny.model, LoraSettings()) == LLAMA
    assert "lm_head" not in adaptable_layers(tiny.model)


def test_targets_may_be_names_or_endings(tiny: LoadedModel) -> None:
    assert resolve_targets(tiny.model, LoraSettings(targets=("v_proj", "mlp.up_proj"))) == [
        "mlp.up_proj",
        "v_proj",
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.0, None), (0.5, [1]), (0.99, [1]), (0.4, None)])
def test_the_lower_blocks_may_go_without_an_adapter(
    tiny: LoadedModel, share: float, expected: list[int] | None
) -> None:
    # two blocks: int(0.4 · 2) = 0 are skipped, int(0.5 · 2) = int(0.99 · 2) = 1
    assert tiny.model.config.num_hidden_layers == 2
    assert adapted_blocks(tiny.model, LoraSettings(skip_layers=share)) == expected


def test_peft_puts_the_adapter_on_those_blocks_alone(tiny_folder: Path) -> None:
    model = load_model(tiny_folder, "fp32", device="cpu").model
    blocks = adapted_blocks(model, LoraSettings(skip_layers=0.5))
    state = trainable_state(
        get_peft_model(model, LoraConfig(r=2, target_modules=LLAMA, layers_to_transform=blocks))
    )
    assert len(state) == 2 * len(LLAMA)
    assert all(".layers.1." in name for name in state)


@pytest.mark.parametrize("target", ["out_proj", "proj", "lm_head"])
def test_a_target_the_model_does_not_have_is_an_error_that_names_those_it_has(
    tiny: LoadedModel, target: str
) -> None:
    with pytest.raises(ModelError, match=rf"{target}: no such layer .* o_proj, q_proj"):
        resolve_targets(tiny.model, LoraSettings(targets=("q_proj", target)))


def test_the_saved_adapter_loads_and_holds_nothing_of_this_machine(
    tiny: LoadedModel, tiny_folder: Path, tmp_path: Path
) -> None:
    model = get_peft_model(tiny.model, LoraConfig(r=4, target_modules=LLAMA, init_lora_weights=False))
    state = trainable_state(model)
    for name in ("one", "two"):
        save_adapter(model, state, tmp_path / name)
    config = (tmp_path / "one" / "adapter_config.json").read_text()
    assert str(tiny_folder.parent) not in config
    assert json.loads(config)["target_modules"] == LLAMA
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    weights = load_file(tmp_path / "one" / "adapter_model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}

    loaded = load_model(tiny_folder, "fp32", device="cpu", adapter=tmp_path / "one")
    ids = torch.tensor([[1, 40, 50, 60]])
    with torch.no_grad(), adapter_switched(loaded, on=True):
        assert torch.equal(loaded.model(ids).logits, model(ids).logits)
    with torch.no_grad(), adapter_switched(loaded, on=False), model.disable_adapter():
        assert torch.equal(loaded.model(ids).logits, model(ids).logits)


def test_state_goes_back_in_place_and_foreign_state_is_refused(tiny: LoadedModel) -> None:
    model = get_peft_model(tiny.model, LoraConfig(r=4, target_modules=LLAMA, init_lora_weights=False))
    before = trainable_state(model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.zero_()
    restore_trainable(model, before)
    assert all(torch.equal(value, before[name]) for name, value in trainable_state(model).items())
    with pytest.raises(ModelError, match="does not fit"):
        restore_trainable(model, {name: value[:1] for name, value in before.items()})
