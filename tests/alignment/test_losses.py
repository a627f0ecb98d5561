"""Each loss by hand on round numbers, then against TRL's own implementation on a real batch."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from trl import DPOConfig, DPOTrainer

from counterpoise.alignment.config import LossSettings, LossType
from counterpoise.alignment.losses import (
    PairLogProbs,
    anchor_penalty,
    drift_penalty,
    objective,
    replay_penalty,
)
from counterpoise.models.loading import LoadedModel
from tests.alignment.material import PAIRS

STOCK: list[tuple[LossType, ...]] = [
    ("sigmoid",),
    ("sigmoid_norm",),
    ("ipo",),
    ("robust",),
    ("sft",),
    ("sigmoid", "sft"),
]


def pairs(chosen: float, rejected: float, *, reference: tuple[float, float] = (-20.0, -18.0)) -> PairLogProbs:
    """One pair of 10 chosen and 5 rejected tokens."""
    values = (chosen, rejected, *reference, 10.0, 5.0, 0.0, 1.0)
    return PairLogProbs(*(torch.tensor([value]) for value in values))


def loss(batch: PairLogProbs, **settings: Any) -> float:
    whole = {"identity_weight": 1.0, "anchor_weight": 0.0, "drift_weight": 0.0}
    return float(objective(batch, LossSettings(**whole, **settings))[0])


def test_sigmoid() -> None:
    # δ = (−16 − −20) − (−20 − −18) = 4 + 2 = 6;  −log σ(0.5 · 6) = log(1 + e⁻³)
    assert loss(pairs(-16, -20), types=("sigmoid",), beta=0.5) == pytest.approx(math.log1p(math.exp(-3)))


def test_sigmoid_norm_and_ipo_divide_each_change_by_its_own_length() -> None:
    # δ̄ = 4/10 − (−2)/5 = 0.8
    assert loss(pairs(-16, -20), types=("sigmoid_norm",), beta=5.0) == pytest.approx(math.log1p(math.exp(-4)))
    assert loss(pairs(-16, -20), types=("ipo",), beta=0.5) == pytest.approx((0.8 - 1.0) ** 2, rel=1e-5)


def test_robust() -> None:
    # βδ = 3, ε = 0.1: (0.9 · 0.048587 − 0.1 · 3.048587) / 0.8
    assert loss(pairs(-16, -20), types=("robust",), beta=0.5, label_smoothing=0.1) == pytest.approx(
        (0.9 * 0.0485874 - 0.1 * 3.0485874) / 0.8, rel=1e-4
    )


def test_losses_add_up_with_their_weights() -> None:
    # sft: 16 nats over 10 tokens = 1.6
    both = loss(pairs(-16, -20), types=("sigmoid", "sft"), weights=(2.0, 0.5), beta=0.5)
    assert both == pytest.approx(2 * math.log1p(math.exp(-3)) + 0.5 * 1.6)


@given(margin=st.floats(-60, 60), beta=st.floats(0.01, 3))
def test_neutral_is_least_at_margin_zero_and_pulls_no_harder_than_one(margin: float, beta: float) -> None:
    chosen = torch.tensor([-20.0], requires_grad=True)
    rejected = torch.tensor([-20.0 - margin])
    batch = PairLogProbs(chosen, rejected, *(torch.ones(1) for _ in range(4)), torch.zeros(1), torch.ones(1))
    value, _ = objective(
        batch, LossSettings(types=("neutral",), beta=beta, anchor_weight=0.0, drift_weight=0.0)
    )
    (slope,) = torch.autograd.grad(value, chosen)
    applied = float(chosen.detach() - rejected)
    assert float(value.detach()) >= -1e-6
    assert float(slope) == pytest.approx(math.tanh(beta * applied / 2), abs=1e-5)


def test_neutral_pulls_a_balanced_set_nowhere() -> None:
    # Half of the pairs lean to each side: what they share (one common shift of the margin) stays put.
    shift = torch.zeros(1, requires_grad=True)
    chosen = torch.tensor([-20.0, -20.0, -20.0, -20.0]) + shift
    rejected = torch.tensor([-23.0, -17.0, -21.0, -19.0])
    batch = PairLogProbs(chosen, rejected, *(torch.ones(4) for _ in range(4)), torch.zeros(4), torch.ones(4))
    value, _ = objective(batch, LossSettings(types=("neutral",), anchor_weight=0.0, drift_weight=0.0))
    value.backward()
    assert shift.grad is not None
    assert float(shift.grad) == pytest.approx(0, abs=1e-7)


def test_anchor_counts_falls_only_per_token_and_beyond_the_slack() -> None:
    # chosen fell by 2 nats over 10 tokens = 0.2; rejected rose
    assert float(anchor_penalty(pairs(-22, -17), 0.0)) == pytest.approx(0.2 / 2)
    # rejected fell by 2 over 5 = 0.4; chosen rose; 0.1 of it is free
    assert float(anchor_penalty(pairs(-19, -20), 0.1)) == pytest.approx((0.4 - 0.1) / 2)
    assert float(anchor_penalty(pairs(-19, -17), 0.0)) == 0
    total, anchor = objective(pairs(-22, -17), LossSettings(types=("sigmoid",), beta=0.5, anchor_weight=3.0))
    # δ = −2 − 1 = −3
    assert float(anchor) == pytest.approx(3 * 0.1)
    assert float(total) == pytest.approx(0.3 + math.log1p(math.exp(1.5)))


def test_drift_is_the_rise_both_sentences_share() -> None:
    # chosen rose by 1 nat over 10 tokens = 0.1, rejected by 1 over 5 = 0.2
    assert float(drift_penalty(pairs(-19, -17))) == pytest.approx((0.1 + 0.2) / 2)
    # chosen fell by 0.2 nats per token, rejected rose by 0.2: a margin moved, nothing drifted
    assert float(drift_penalty(pairs(-22, -17))) == pytest.approx(0)
    total, penalty = objective(pairs(-19, -17), LossSettings(types=("sigmoid",), beta=0.5, drift_weight=2.0))
    # δ = (−19 + 20) − (−17 + 18) = 0, so the loss itself is log 2
    assert float(penalty) == pytest.approx(2 * 0.15)
    assert float(total) == pytest.approx(0.3 + math.log(2))


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
        label_smoothing=0.2,
        identity_weight=1.0,
        anchor_weight=0.0,
        drift_weight=0.0,
    )
    with torch.no_grad():
        ours = float(objective(log_probs(trainer, batch), settings)[0])
    assert ours == pytest.approx(expected, rel=1e-5)


def stock_trainer(tiny: LoadedModel, folder: Path, types: tuple[LossType, ...]) -> Any:
    # TRL counts an empty prompt's first token into the length though nothing predicts it; give it a prompt.
    rows = [{"prompt": "<s>", "chosen": pair.less, "rejected": pair.more} for pair in PAIRS[:8]]
    arguments = DPOConfig(
        output_dir=str(folder),
        loss_type=list(types),
        loss_weights=[1.0, 0.7][: len(types)],
        label_smoothing=0.2,
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
    return PairLogProbs(*sums, chosen, rejected, torch.zeros(len(chosen)), torch.ones(len(chosen)))


def test_a_weighed_margin_is_what_the_preference_losses_see() -> None:
    # whole: δ = 4 − (−2) = 6; weighed: from 1 to 3, δ = 2
    batch = replace(pairs(-16, -20), weighed=(torch.tensor([3.0]), torch.tensor([1.0])))
    assert (float(batch.margin), float(batch.delta)) == (3.0, 2.0)
    assert loss(batch, types=("sigmoid",), beta=0.5) == pytest.approx(math.log1p(math.exp(-1)))
    assert loss(batch, types=("neutral",), beta=0.5) == pytest.approx(4 * math.log(math.cosh(0.75)), rel=1e-5)
    assert float(anchor_penalty(batch, 0.0)) == float(anchor_penalty(pairs(-16, -20), 0.0))


def test_losses_by_length_push_whole_sentences() -> None:
    with pytest.raises(
        ValidationError, match="ipo divide by the whole sentences' lengths; give identity_weight = 1"
    ):
        LossSettings(types=("sigmoid", "ipo"), identity_weight=0.25)


def test_replay_feels_what_the_words_of_a_sentence_lose_together() -> None:
    reference = torch.tensor([-1.0, -2.0, -3.0, -4.0])
    now = reference + torch.tensor([0.1, -0.1, 0.2, 0.2])
    counts = torch.tensor([2, 2])
    # tokens: (0.01 + 0.01 + 0.04 + 0.04) / 4 = 0.025; sentences: (0² / 2 + 0.4² / 2) / 2 = 0.04
    assert float(replay_penalty(now, reference, counts)) == pytest.approx(0.025, rel=1e-5)
    assert float(replay_penalty(now, reference, counts, 1.0)) == pytest.approx(0.065, rel=1e-5)
    assert float(replay_penalty(now, reference, counts, 0.5)) == pytest.approx(0.045, rel=1e-5)
    assert float(replay_penalty(reference, reference, counts, 1.0)) == 0
