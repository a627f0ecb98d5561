"""A random adapter of the trained one's shape, made as large as wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

from counterpoise.alignment.lora import WEIGHTS, save_adapter, trainable_state
from counterpoise.alignment.null import match_divergence, write_random_adapter
from counterpoise.errors import DataError
from counterpoise.likelihood.own_text import own_text_divergence
from counterpoise.models.loading import LoadedModel, load_model
from tests.alignment.material import OWN_TEXT


@pytest.fixture
def trained(tiny: LoadedModel, tmp_path: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lora = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        model = get_peft_model(tiny.model, lora)
    save_adapter(model, trainable_state(model), tmp_path / "trained")
    return tmp_path / "trained"


def test_it_has_the_shape_and_size_of_the_trained_one_and_other_numbers(
    trained: Path, tmp_path: Path
) -> None:
    write_random_adapter(trained, tmp_path / "null", seed=5)
    before, drawn = load_file(trained / WEIGHTS), load_file(tmp_path / "null" / WEIGHTS)
    assert before.keys() == drawn.keys()
    for name, value in before.items():
        assert drawn[name].shape == value.shape
        assert float(drawn[name].std()) == pytest.approx(float(value.std()), rel=0.5)
        assert abs(float(torch.corrcoef(torch.stack([drawn[name].flatten(), value.flatten()]))[0, 1])) < 0.5
    write_random_adapter(trained, tmp_path / "again", seed=5)
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (tmp_path / "null" / WEIGHTS).read_bytes()


def test_its_divergence_becomes_what_is_wanted(trained: Path, tiny_folder: Path, tmp_path: Path) -> None:
    write_random_adapter(trained, tmp_path / "null", seed=5)
    loaded = load_model(tiny_folder, "fp32", device="cpu", adapter=tmp_path / "null")
    before = own_text_divergence(loaded, OWN_TEXT)
    for wanted in (before / 9, before * 2):
        assert match_divergence(loaded, OWN_TEXT, wanted) == pytest.approx(wanted, rel=0.05)
    with pytest.raises(DataError, match="no strength turns a divergence"):
        match_divergence(loaded, OWN_TEXT, 0.0)
