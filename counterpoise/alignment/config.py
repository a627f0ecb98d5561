"""How the adapter is trained, guarded and chosen. Light: importing it loads no torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from counterpoise.generation.prompts import group_terms
from counterpoise.settings import Settings

LossType = Literal["neutral", "sigmoid", "sigmoid_norm", "ipo", "robust", "sft"]
"""``neutral`` is ours (see ``losses.py``); the others are TRL's, term for term."""
Schedule = Literal["constant_with_warmup", "linear", "cosine"]


class LoraSettings(Settings):
    """The low-rank adapter (Hu et al. 2022). It is kept and saved in fp32."""

    rank: int = Field(default=8, ge=1, description="Rank of each update matrix")
    alpha: float = Field(
        default=16.0, gt=0, description="Scale numerator; updates are multiplied by alpha / rank"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout on the adapter's input, probability")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        default="all-linear",
        description="Names of the linear layers to adapt, or 'all-linear' for every one but the output head; "
        "a name the model does not have is an error",
    )
    skip_layers: float = Field(
        default=0.4,
        ge=0,
        lt=1,
        description="Share of the decoder's blocks, from the bottom, that get no adapter: what words are stays as "
        "it was, and the backward pass ends there",
    )


class LossSettings(Settings):
    """What training minimises: a weighted sum of preference losses plus the anchor."""

    types: tuple[LossType, ...] = Field(
        default=("sigmoid", "neutral"), min_length=1, description="Losses to add up"
    )
    weights: tuple[float, ...] = Field(
        default=(10.0, 0.75), description="One weight per loss; 1 each where only losses are named"
    )
    beta: float = Field(
        default=0.1,
        gt=0,
        description="Inverse temperature of the margin, 1/nat (1/(nats per token) if normalised)",
    )
    shrink: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="For 'neutral': share by which each pair's margin is drawn towards zero after its "
        "category is centred; 0 only centres, 1 asks for equal log-probabilities",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="Assumed share of flipped labels, for 'robust'"
    )
    anchor_weight: float = Field(
        default=1.0, ge=0, description="Penalty per nat/token by which a sentence falls below the reference"
    )
    anchor_slack: float = Field(default=0.0, ge=0, description="Fall that costs nothing yet, nats per token")
    drift_weight: float = Field(
        default=1.0,
        ge=0,
        description="Penalty per nat/token by which a pair's two sentences together rise above the reference: "
        "learning the benchmark's style, which moves no margin",
    )
    identity_weight: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Weight, in the margin that is pushed, of the tokens in which a pair's sentences differ, the "
        "identity terms: 1 pushes whole sentences, 0 only what is said, given of whom",
    )
    steer: bool = Field(
        default=True,
        description="Weigh each category's preferences by the bias that the last probe still found in it; False "
        "pushes all alike, all the time",
    )
    full_push: float = Field(
        default=4.0,
        gt=0,
        description="Remaining bias of a category whose preferences weigh 1, points from 50",
    )
    max_push: float = Field(default=2.0, gt=0, description="Largest weight of a category's preferences")
    max_push_back: float = Field(
        default=0.5,
        ge=0,
        description="Largest weight of a category's preferences turned round, where training carried it past 50",
    )
    balance: tuple[str, ...] = Field(
        default=("women", "men"),
        description="Two groups between which preferences are weighed so that neither is chosen more often than the "
        "other (names of generation's mention lists); empty weighs none",
    )
    replay_weight: float = Field(
        default=2.0,
        ge=0,
        description="Penalty on the mean squared change of token log-probabilities (nats²) of neutral sentences",
    )
    replay_sentences: float = Field(
        default=1.0,
        ge=0,
        description="Share in the replay penalty of whole sentences' change beside single tokens': what all words of a "
        "neutral sentence lose a little of",
    )
    replay_rows: int = Field(default=12, ge=1, description="Neutral sentences beside each batch of pairs")
    append_eos: bool = Field(default=False, description="Score the end-of-sequence token with each sentence")

    @model_validator(mode="before")
    @classmethod
    def _alike_unless_weighed(cls, data: Any) -> Any:
        if isinstance(data, dict) and "types" in data and "weights" not in data:
            return data | {"weights": (1.0,) * len(data["types"])}
        return data

    @model_validator(mode="after")
    def _two_known_groups(self) -> Self:
        known = group_terms()
        unknown = [name for name in self.balance if name not in known]
        if unknown or len(self.balance) not in {0, 2}:
            raise ValueError(f"balance takes two of {', '.join(known)}, or none; got {self.balance}")
        return self

    @model_validator(mode="after")
    def _weighed_in_nats(self) -> Self:
        by_length = {"sigmoid_norm", "ipo"} & set(self.types)
        if self.identity_weight < 1 and by_length:
            raise ValueError(
                f"{' and '.join(sorted(by_length))} divide by the whole sentences' lengths; give identity_weight = 1"
            )
        return self

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(self.types) != len(self.weights):
            raise ValueError(
                f"{len(self.types)} losses but {len(self.weights)} weights; give one weight per loss"
            )
        return self


class OptimisationSettings(Settings):
    """AdamW and its data order."""

    learning_rate: float = Field(default=2e-3, gt=0, description="Peak learning rate")
    schedule: Schedule = Field(
        default="constant_with_warmup", description="Learning-rate decay after the warm-up"
    )
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of all steps spent warming up")
    epochs: int = Field(default=1, ge=1, description="Passes over the preferences")
    batch_pairs: int = Field(default=16, ge=1, description="Preference pairs in one forward pass")
    gradient_accumulation: int = Field(default=1, ge=1, description="Forward passes to one optimiser step")
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW weight decay")
    average: float = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="Decay of the moving average over steps of the adapter's weights, which is what is probed and "
        "kept; 0 takes the last weights",
    )
    max_gradient_norm: float = Field(default=1.0, gt=0, description="Gradients are clipped to this norm")
    max_tokens: int = Field(default=256, ge=8, description="Longer sentences are cut to their first tokens")
    hold_weights: bool = Field(
        default=True,
        description="Keep a dequantized copy of 4-bit weights while training (2 bytes a weight): faster, same bits",
        json_schema_extra={"result": False},
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Recompute activations in the backward pass: less memory, about 1/3 slower"
    )


class GuardSettings(Settings):
    """When training must stop, and which of the probed adapters is kept."""

    enforce: bool = Field(
        default=True,
        description="False only watches: nothing stops training and the last adapter is kept, as in the case study",
    )

    probe_every: int = Field(default=8, ge=1, description="Optimiser steps between probes")
    max_perplexity_rise: float = Field(
        default=0.02, ge=0, description="Largest rise of neutral-text perplexity over the base, as a fraction"
    )
    max_fall: float = Field(
        default=0.05,
        ge=0,
        description="Largest mean fall of either side's validation log-probability, nats per token",
    )
    max_usable_drop: float = Field(
        default=0.15, ge=0, le=1, description="Largest drop of the usable share of short greedy texts"
    )
    max_group_fall: float = Field(
        default=0.02,
        ge=0,
        description="Largest fall of the neutral sentences about any group against those about all, nats per token: "
        "the erasure audit's limit",
    )
    patience: int = Field(default=4, ge=1, description="Unhealthy probes in a row that stop training")
    temperature: float = Field(
        default=0.5, gt=0, description="Width of the soft score's step from win to loss, nats"
    )
    neutral_within: float = Field(
        default=1.25,
        ge=0,
        description="Points from 50 that count as neutral: what some 500 validation pairs cannot tell apart",
    )
    stop_past_neutral: float = Field(
        default=2.0, gt=0, description="Points past 50, on the far side from the base, that stop training"
    )


class AlignmentConfig(Settings):
    """Everything that shapes the adapter but the data, the model and the seed."""

    lora: LoraSettings = Field(default=LoraSettings(), description="The adapter")
    loss: LossSettings = Field(default=LossSettings(), description="The objective")
    optimisation: OptimisationSettings = Field(
        default=OptimisationSettings(), description="Optimiser and batches"
    )
    guards: GuardSettings = Field(default=GuardSettings(), description="Probes, stopping and selection")
    strength: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of the chosen adapter's strength that is delivered: LoRA's scale times this. The guards "
        "have looked at the whole of it",
    )
    reference: Literal["precomputed", "recomputed"] = Field(
        default="precomputed",
        description="Reference log-probabilities: once before training, or again in every step (more work, "
        "same numbers)",
        json_schema_extra={"result": False},
    )
    checkpoint_every: int = Field(
        default=20,
        ge=1,
        description="Optimiser steps between checkpoints",
        json_schema_extra={"result": False},
    )


def case_study() -> AlignmentConfig:
    """The case study's settings as they were: sigmoid DPO, with guards that watch and report only.

    NF4, β 0.05, learning rate 5e-5 cosine, 4 epochs, batch 16 × 2, LoRA r 64 α 128, empty prompt. Its target
    ``o_proj`` does not exist in OPT; ``out_proj`` was meant. TRL switches dropout off, the adapter's too.
    """
    return AlignmentConfig(
        lora=LoraSettings(
            rank=64,
            alpha=128,
            skip_layers=0.0,
            targets=("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
        ),
        loss=LossSettings(
            types=("sigmoid",),
            weights=(1.0,),
            beta=0.05,
            anchor_weight=0.0,
            drift_weight=0.0,
            identity_weight=1.0,
            steer=False,
            balance=(),
            replay_weight=0.0,
            append_eos=True,
        ),
        optimisation=OptimisationSettings(
            learning_rate=5e-5,
            schedule="cosine",
            warmup=0.0,
            epochs=4,
            average=0.0,
            batch_pairs=16,
            gradient_accumulation=2,
        ),
        guards=GuardSettings(enforce=False),
    )
