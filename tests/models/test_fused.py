from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from counterpoise.models.config import Precision
from counterpoise.models.fused import fuse_lora
from counterpoise.models.loading import load_model

IDS = torch.tensor([[1, 40, 50, 60, 70, 80], [1, 90, 41, 51, 61, 71]])
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapted(folder: Path, precision: Precision, *, dropout: float = 0.0) -> PeftModel:
    base = load_model(folder, precision, device="cpu").model
    torch.manual_seed(0)
    config = LoraConfig(
        r=4, lora_alpha=6, lora_dropout=dropout, target_modules=TARGETS, init_lora_weights=False
    )
    return get_peft_model(base, config)


def gradients(model: PeftModel) -> dict[str, torch.Tensor]:
    model(IDS, labels=IDS).loss.backward()
    return {name: value.grad for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 0.05), ("nf4", 0.05)])
def test_logits_and_gradients_are_pefts(
    tiny_folder: Path, precision: Precision, within: float, hold: bool
) -> None:
    plain, fused = adapted(tiny_folder, precision), adapted(tiny_folder, precision)
    assert fuse_lora(fused, hold_weights=hold) == 14
    with torch.no_grad():
        expected = plain(IDS).logits.float()
        assert float((fused(IDS).logits.float() - expected).abs().max()) <= within * float(
            expected.abs().max()
        )
    ours, theirs = gradients(fused), gradients(plain)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value.dtype == torch.float32
        # Under bf16 both are rounded at every product, so they differ by a few percent of the whole.
        assert float((value - theirs[name]).norm()) <= 2 * within * float(theirs[name].norm()), name


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
def test_switched_off_it_is_the_base_to_the_bit(tiny_folder: Path, precision: Precision) -> None:
    base = load_model(tiny_folder, precision, device="cpu").model
    for hold in (True, False):
        fused = adapted(tiny_folder, precision)
        fuse_lora(fused, hold_weights=hold)
        with torch.no_grad(), fused.disable_adapter():
            assert torch.equal(fused(IDS).logits, base(IDS).logits)


def test_holding_the_weights_changes_no_bit(tiny_folder: Path) -> None:
    one, two = adapted(tiny_folder, "nf4"), adapted(tiny_folder, "nf4")
    fuse_lora(one, hold_weights=True)
    fuse_lora(two, hold_weights=False)
    first, second = gradients(one), gradients(two)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_layers_with_dropout_keep_their_own_forward_pass(tiny_folder: Path) -> None:
    assert fuse_lora(adapted(tiny_folder, "fp32", dropout=0.1), hold_weights=True) == 0
