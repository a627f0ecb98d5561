"""A steering vector against plain transformers and PEFT: what it is, where it is added, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from counterpoise.alignment.batches import aligned_tokens, encode_preferences
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.lora import WEIGHTS
from counterpoise.alignment.records import TrainingOutcome
from counterpoise.alignment.train import train_adapter
from counterpoise.errors import DataError, ModelError, TrainingStopped
from counterpoise.likelihood.fast_path import fast_path
from counterpoise.likelihood.forward import WAYS
from counterpoise.models.config import Precision
from counterpoise.models.loading import LoadedModel, load_model
from counterpoise.records import Pair
from tests.alignment.material import TRAIN, inputs, preference

LOSS = {
    "types": ["steering"],
    "category_weights": "equal",
    "hold_weight": 0.0,
    "consistency_weight": 0.0,
    "own_text_weight": 0.0,
}
LORA = {"rank": 1, "alpha": 3.0, "targets": ["down_proj"], "skip_layers": 0.0}


def config(**lora: Any) -> AlignmentConfig:
    return AlignmentConfig.model_validate({"loss": LOSS, "lora": LORA | lora, "strength": 2.0})


def steer(folder: Path, where: Path, settings: AlignmentConfig, **changes: Any) -> TrainingOutcome:
    given: dict[str, Any] = {"seed": 3, "out": where / "out", "checkpoints": where / "checkpoints"}
    stop = {"should_stop": changes.pop("should_stop")} if "should_stop" in changes else {}
    return train_adapter(
        folder, inputs(**{"precision": "fp32"} | changes), settings, **given, **stop, device="cpu"
    )


@pytest.fixture(scope="module")
def steered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingOutcome]:
    where = tmp_path_factory.mktemp("steered")
    return where / "out", steer(tiny_folder, where, config())


def vector(folder: Path) -> Tensor:
    """The only thing in the adapter that is not 0."""
    weights = load_file(folder / WEIGHTS)
    assert sorted(name.rsplit("lora_")[-1] for name in weights) == ["A.weight", "B.bias", "B.weight"]
    assert not any(value.any() for name, value in weights.items() if not name.endswith("bias"))
    (found,) = (
        value for name, value in weights.items() if name.endswith("layers.0.mlp.down_proj.lora_B.bias")
    )
    return found


def first_block(model: Any, ids: tuple[int, ...]) -> Tensor:
    """What the first of the two blocks gives, ``[tokens, width]``."""
    with torch.no_grad():
        states: Tensor = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[1][0]
    return states


def test_it_is_the_mean_difference_where_both_sentences_go_on_alike(
    steered: tuple[Path, TrainingOutcome], tiny: LoadedModel
) -> None:
    differences = [
        first_block(tiny.model, pair.prompt + pair.chosen)[at - 1]
        - first_block(tiny.model, pair.prompt + pair.rejected)[other - 1]
        for pair in encode_preferences(TRAIN, tiny.tokenizer, append_eos=False, max_tokens=256)
        for at, other in aligned_tokens(pair)
    ]
    torch.testing.assert_close(vector(steered[0]), torch.stack(differences).mean(0), rtol=1e-3, atol=1e-5)


def test_peft_alone_adds_it_at_every_token_and_off_gives_the_base(
    steered: tuple[Path, TrainingOutcome], tiny_folder: Path
) -> None:
    folder, outcome = steered
    base = AutoModelForCausalLM.from_pretrained(str(tiny_folder), dtype=torch.float32)
    ids = (1, 40, 50, 60, 70, 80)
    plain = first_block(base, ids)
    tuned = PeftModel.from_pretrained(base, str(folder))
    # alpha / rank × strength = 3 / 1 × 2
    torch.testing.assert_close(first_block(tuned, ids), plain + 6 * vector(folder), rtol=1e-4, atol=1e-4)
    with tuned.disable_adapter():
        assert torch.equal(first_block(tuned, ids), plain)
    assert (outcome.strength, outcome.history) == (2.0, ())
    assert outcome.candidates[1].soft_score != outcome.candidates[0].soft_score


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_the_fast_path_reads_it(
    precision: Precision, steered: tuple[Path, TrainingOutcome], tiny_folder: Path
) -> None:
    proof = fast_path(load_model(tiny_folder, precision, device="cpu", adapter=steered[0]).model)
    assert (proof.way, proof.rejected) == (WAYS[0], {})


@pytest.mark.parametrize("lora", [{"targets": ["q_proj"]}, {"targets": ["k_proj"]}, {"skip_layers": 0.9}])
def test_a_layer_that_does_not_end_its_block_is_refused(
    lora: dict[str, Any], tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"does not add to the output of block [01] of LlamaForCausalLM"):
        steer(tiny_folder, tmp_path, config(**lora))


def test_pairs_that_differ_at_their_end_have_no_vector(tiny_folder: Path, tmp_path: Path) -> None:
    ends = preference(Pair(0, "gender", "stereo", "Snow fell on X", "Snow fell on Z"))
    with pytest.raises(DataError, match="no pair of sentences goes on alike"):
        steer(tiny_folder, tmp_path, config(), train=[ends])


def test_asked_to_stop_it_stops(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingStopped, match="stopped before a strength was chosen"):
        steer(tiny_folder, tmp_path, config(), should_stop=lambda: True)


@pytest.mark.parametrize(
    ("loss", "lora", "complaint"),
    [
        ({"types": ["steering", "sft"]}, {}, "steering takes a mean and minimises nothing"),
        ({"own_text_weight": 1.0}, {}, "steering takes a mean and minimises nothing"),
        (
            {},
            {"targets": ["all-linear"]},
            "the last of a block, as down_proj in Llama; got lora.targets = all-linear",
        ),
        ({}, {"targets": ["down_proj", "o_proj"]}, "got lora.targets = down_proj, o_proj"),
    ],
)
def test_what_it_cannot_use_is_refused(loss: dict[str, Any], lora: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AlignmentConfig.model_validate({"loss": LOSS | loss, "lora": LORA | lora})
