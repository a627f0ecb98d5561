"""Each loss by hand on round numbers, then against TRL's own implementation on a real batch."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from pydantic import ValidationError
from trl import DPOConfig, DPOTrainer

from counterpoise.alignment.config import AlignmentConfig, LossSettings, LossType
from counterpoise.alignment.losses import PairLogProbs, hold_loss, preference_loss
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import PAIRS

STOCK: list[tuple[LossType, ...]] = [("sigmoid",), ("sigmoid_norm",), ("ipo",), ("sft",), ("sigmoid", "sft")]


def pairs(chosen: float, rejected: float, *, shared: float = 0.0, weight: float = 1.0) -> PairLogProbs:
    """One pair of 10 chosen and 5 rejected tokens; the reference has −20, −18 and a shared margin of 1."""
    values = (chosen, rejected, -20.0, -18.0, shared, 1.0, 10.0, 5.0, weight)
    return PairLogProbs(*(torch.tensor([value]) for value in values))


def loss(batch: PairLogProbs, **settings: Any) -> float:
    return float(preference_loss(batch, LossSettings(**{"identity_weight": 1.0} | settings)))


def test_sigmoid() -> None:
    # δ = (−16 − −20) − (−20 − −18) = 4 + 2 = 6;  −log σ(0.5 · 6) = log(1 + e⁻³)
    assert loss(pairs(-16, -20), types=("sigmoid",), beta=0.5) == pytest.approx(math.log1p(math.exp(-3)))


def test_sigmoid_norm_and_ipo_divide_each_change_by_its_own_length() -> None:
    # δ̄ = 4/10 − (−2)/5 = 0.8
    assert loss(pairs(-16, -20), types=("sigmoid_norm",), beta=5.0) == pytest.approx(math.log1p(math.exp(-4)))
    assert loss(pairs(-16, -20), types=("ipo",), beta=0.5) == pytest.approx((0.8 - 1.0) ** 2, rel=1e-5)


def test_npo_unlearns_the_rejected_sentence_and_leaves_it_alone_once_it_is_unlearned() -> None:
    # rejected: −20 − −18 = −2;  −(2 / 0.5) log σ(0.5 · 2) = 4 log(1 + e⁻¹), whatever chosen does
    assert loss(pairs(-16, -20), types=("npo",), beta=0.5) == pytest.approx(4 * math.log1p(math.exp(-1)))
    assert loss(pairs(-99, -20), types=("npo",), beta=0.5, identity_weight=0.0) == pytest.approx(
        4 * math.log1p(math.exp(-1))
    )
    # d/dx (2/β) log(1 + e^βx) = 2 σ(βx): 1 at the reference, as gradient ascent; 2 σ(−5) = 0.0134 ten nats below it
    for rejected, slope in ((-18.0, 1.0), (-28.0, 2 / (1 + math.exp(5)))):
        value = torch.tensor([rejected], requires_grad=True)
        batch = replace(pairs(-16, -20), rejected=value)
        preference_loss(batch, LossSettings(types=("npo",), beta=0.5)).backward()
        assert value.grad is not None
        assert float(value.grad) == pytest.approx(slope)


def test_sft_rejected_fits_the_rejected_sentence_and_stands_alone() -> None:
    # 20 nats over 5 tokens = 4, whatever the category weighs
    assert loss(pairs(-16, -20, weight=0.0), types=("sft_rejected",)) == pytest.approx(4.0)
    with pytest.raises(
        ValidationError, match="sft_rejected is delivered negated and every other loss is not"
    ):
        LossSettings(types=("sft_rejected", "npo"))


@pytest.mark.parametrize(
    ("types", "strength", "complaint"),
    [
        (("sft_rejected",), 1.0, r"a number below 0, down to -2, for sft_rejected; got 1\.0"),
        (("sft_rejected",), -2.5, r"down to -2, for sft_rejected; got -2\.5"),
        (("sigmoid",), -1.0, r"a number above 0, up to 2; got -1\.0"),
        (("sft_rejected",), -2.0, ""),
        (("sft_rejected",), "search", ""),
    ],
)
def test_what_is_fitted_to_stereotypes_is_delivered_negated_and_nothing_else_is(
    types: tuple[LossType, ...], strength: Any, complaint: str
) -> None:
    given = {"loss": {"types": types}, "strength": strength}
    if not complaint:
        assert AlignmentConfig.model_validate(given).strength == strength
        return
    with pytest.raises(ValidationError, match=complaint):
        AlignmentConfig.model_validate(given)


def test_losses_add_up_with_their_weights() -> None:
    # sft: 16 nats over 10 tokens = 1.6
    both = loss(pairs(-16, -20), types=("sigmoid", "sft"), weights=(2.0, 0.5), beta=0.5)
    assert both == pytest.approx(2 * math.log1p(math.exp(-3)) + 0.5 * 1.6)


def test_identity_terms_count_as_much_as_they_weigh() -> None:
    # whole: δ = 6; shared tokens: 3 − 1 = 2, so identity terms: 4. Weight ¼: 2 + 1 = 3
    batch = pairs(-16, -20, shared=3.0)
    assert (float(batch.shared_delta), float(batch.identity_delta)) == (2.0, 4.0)
    assert float(batch.delta(0.25)) == 3.0
    assert float(batch.delta(1.0)) == 6.0
    weighed = loss(batch, types=("sigmoid",), beta=0.5, identity_weight=0.25)
    assert weighed == pytest.approx(math.log1p(math.exp(-1.5)))


def test_a_category_weighs_its_preferences_and_not_what_is_said() -> None:
    half, none = pairs(-16, -20, weight=0.5), pairs(-16, -20, weight=0.0)
    assert loss(half, types=("sigmoid",), beta=0.5) == pytest.approx(math.log1p(math.exp(-3)) / 2)
    assert loss(none, types=("sigmoid",), beta=0.5) == 0
    assert loss(none, types=("sft",)) == pytest.approx(1.6)


def test_hold_keeps_identity_terms_and_categories_without_bias() -> None:
    # changes 3 and −3: level 0; identity 4 nats beyond the width of 2: 2 · (4 − 1) = 6; shared 2 nats: 2² / 2 = 2
    batch = pairs(-17, -21, shared=3.0)
    assert float(batch.level_change) == 0
    assert float(hold_loss(batch)) == pytest.approx(6.0)
    assert float(hold_loss(replace(batch, weight=torch.tensor([0.25])))) == pytest.approx(6.0 + 0.75 * 2)
    assert float(hold_loss(replace(batch, weight=torch.tensor([1.5])))) == pytest.approx(6.0)
    assert float(hold_loss(pairs(-20, -18, shared=1.0, weight=0.0))) == 0


def test_hold_keeps_a_pair_as_likely_as_it_was() -> None:
    # both sentences fall by 4 nats, their margin stays: 2 · (4 − 1) = 6
    assert float(hold_loss(pairs(-24, -22, shared=1.0))) == pytest.approx(6.0)


@pytest.mark.parametrize("types", STOCK, ids="+".join)
def test_agrees_with_trl(types: tuple[LossType, ...], tiny: LoadedModel, tmp_path: Path) -> None:
    trainer = stock_trainer(tiny, tmp_path, types)
    batch = next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():
        expected = float(trainer.compute_loss(trainer.model, batch))
    settings = LossSettings(
        types=types,
        weights=(1.0, 0.7)[: len(types)],
        beta=0.3,
        identity_weight=1.0,
    )
    with torch.no_grad():
        ours = float(preference_loss(log_probs(trainer, batch), settings))
    assert ours == pytest.approx(expected, rel=1e-5)


def stock_trainer(tiny: LoadedModel, folder: Path, types: tuple[LossType, ...]) -> Any:
    # TRL counts an empty prompt's first token into the length though nothing predicts it; give it a prompt.
    rows = [{"prompt": "<s>", "chosen": pair.less, "rejected": pair.more} for pair in PAIRS[:8]]
    arguments = DPOConfig(
        output_dir=str(folder),
        loss_type=list(types),
        loss_weights=[1.0, 0.7][: len(types)],
        beta=0.3,
        per_device_train_batch_size=8,
        bf16=False,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    reference = type(tiny.model)(tiny.model.config)
    reference.load_state_dict(tiny.model.state_dict())
    with torch.no_grad():
        reference.model.layers[0].mlp.down_proj.weight.mul_(1.5)
    return DPOTrainer(
        model=tiny.model,
        ref_model=reference,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny.tokenizer,
    )


def log_probs(trainer: Any, batch: dict[str, torch.Tensor]) -> PairLogProbs:
    """Plain log-softmax over TRL's own batch: nothing of ours but the loss is in the comparison."""
    mask = batch["completion_mask"][:, 1:]
    sums = []
    for model in (trainer.model, trainer.ref_model):
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
        tokens = torch.log_softmax(logits.float(), -1).gather(-1, batch["input_ids"][:, 1:, None])[..., 0]
        sums += list((tokens * mask).sum(-1).chunk(2))
    chosen, rejected = mask.sum(-1).chunk(2)
    none = torch.zeros(len(chosen))
    return PairLogProbs(*sums, none, none, chosen, rejected, torch.ones(len(chosen)))


def test_losses_by_length_push_whole_sentences() -> None:
    with pytest.raises(
        ValidationError, match="ipo divide by the whole sentences' lengths; give identity_weight = 1"
    ):
        LossSettings(types=("sigmoid", "ipo"), identity_weight=0.25)
