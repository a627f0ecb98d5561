"""How the adapter is trained and how much of it is delivered. Light: importing it loads no torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from counterpoise.settings import Settings

LossType = Literal["sigmoid", "sigmoid_norm", "ipo", "sft", "npo", "sft_rejected", "steering"]
"""TRL's preference losses, term for term, and three that TRL does not have: ``npo``, ``sft_rejected`` (``losses.py``)
and ``steering``, whose minimum is a mean (``steering.py``)."""
Schedule = Literal["constant_with_warmup", "linear", "cosine"]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class LoraSettings(Settings):
    """The low-rank adapter (Hu et al. 2022). It is kept and saved in fp32."""

    rank: int = Field(default=16, ge=1, le=1024, description="Rank of each update matrix")
    alpha: float = Field(
        default=32.0,
        gt=0,
        allow_inf_nan=False,
        description="Scale numerator; updates are multiplied by alpha / rank",
    )
    targets: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=("all-linear",),
        description="Names of the linear layers to adapt, or 'all-linear' for every one but the output head; "
        "a name the model does not have is an error",
    )
    skip_layers: float = Field(
        default=0.4,
        ge=0,
        lt=1,
        description="Share of the decoder's blocks, from the bottom, that get no adapter",
    )


class LossSettings(Settings):
    """What training minimises."""

    types: tuple[LossType, ...] = Field(
        default=("sigmoid",), min_length=1, description="Preference losses to add up"
    )
    weights: tuple[float, ...] = Field(
        default=(8.0,), description="One weight per loss; 1 each where only losses are named"
    )
    beta: float = Field(
        default=0.5,
        gt=0,
        allow_inf_nan=False,
        description="Inverse temperature of the margin, 1/nat (1/(nats per token) if normalised)",
    )
    identity_weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Weight, in the margin that is trained, of the tokens in which a pair's sentences differ: 1 trains "
        "whole sentences, 0 only what is said, given of whom",
    )
    category_weights: Literal["bias", "equal"] = Field(
        default="bias",
        description="bias: a category's preferences weigh as much as the base is biased in it; equal: 1 each",
    )
    hold_weight: float = Field(
        default=0.25,
        ge=0,
        allow_inf_nan=False,
        description="Penalty on changes of what should stay: identity terms, unbiased categories, how likely a pair is",
    )
    consistency_weight: float = Field(
        default=4.0,
        ge=0,
        allow_inf_nan=False,
        description="Weight of the KL divergence (nats a token) between what a pair's two sentences predict next",
    )
    own_text_weight: float = Field(
        default=6.0,
        ge=0,
        allow_inf_nan=False,
        description="Weight of the KL divergence (nats a token) from the base on text that the base itself wrote",
    )
    append_eos: bool = Field(default=False, description="Score the end-of-sequence token with each sentence")

    @model_validator(mode="before")
    @classmethod
    def _alike_unless_weighed(cls, data: Any) -> Any:
        if isinstance(data, dict) and "types" in data and "weights" not in data:
            return data | {"weights": (1.0,) * len(data["types"])}
        return data

    @model_validator(mode="after")
    def _weighed_in_nats(self) -> Self:
        by_length = {"sigmoid_norm", "ipo"} & set(self.types)
        if self.identity_weight < 1 and by_length:
            raise ValueError(
                f"{' and '.join(sorted(by_length))} divide by the whole sentences' lengths; give identity_weight = 1"
            )
        return self

    @property
    def direction(self) -> int:
        """The sign of the strengths at which the trained adapter helps: −1 if it is fitted to what should go."""
        return -1 if "sft_rejected" in self.types else 1

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if self.direction < 0 and len(self.types) > 1:
            raise ValueError("sft_rejected is delivered negated and every other loss is not; name it alone")
        return self

    @model_validator(mode="after")
    def _steers_alone(self) -> Self:
        terms = (self.hold_weight, self.consistency_weight, self.own_text_weight)
        others = len(self.types) > 1 or any(terms) or self.category_weights != "equal"
        if "steering" in self.types and others:
            raise ValueError(
                "steering takes a mean and minimises nothing; name it alone, with category_weights = 'equal' and 0 "
                "for hold_weight, consistency_weight and own_text_weight"
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

    learning_rate: float = Field(default=1.6e-3, gt=0, le=1, description="Peak learning rate")
    schedule: Schedule = Field(
        default="constant_with_warmup", description="Learning-rate decay after the warm-up"
    )
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of all steps spent warming up")
    epochs: int = Field(default=1, ge=1, description="Passes over the preferences")
    batch_pairs: int = Field(default=16, ge=1, description="Preference pairs in one forward pass")
    gradient_accumulation: int = Field(default=1, ge=1, description="Forward passes to one optimiser step")
    average: float = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="Decay of the moving average over steps of the adapter's weights; 0 takes the last weights",
    )
    max_tokens: int = Field(default=256, ge=8, description="Longer sentences are cut to their first tokens")
    hold_weights: bool = Field(
        default=True,
        description="Keep a dequantized copy of 4-bit weights while training (2 bytes a weight): faster, same bits",
        json_schema_extra={"result": False},
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Recompute activations in the backward pass: less memory, about 1/3 slower"
    )


class AlignmentConfig(Settings):
    """Everything that shapes the adapter but the data, the model and the seed."""

    lora: LoraSettings = Field(default=LoraSettings(), description="The adapter")
    loss: LossSettings = Field(default=LossSettings(), description="The objective")
    optimisation: OptimisationSettings = Field(
        default=OptimisationSettings(), description="Optimiser and batches"
    )
    strength: Literal["search"] | float = Field(
        default="search",
        description="Share of the trained adapter's strength that is delivered (LoRA's scale times this): a number, or "
        "'search' for the least that brings the validation pairs nearest to 50 % with every guard holding; "
        "below 0 for an adapter that is fitted to the rejected sentences",
    )
    checkpoint_every: int = Field(
        default=20,
        ge=1,
        description="Optimiser steps between checkpoints",
        json_schema_extra={"result": False},
    )

    @model_validator(mode="after")
    def _steers_one_layer(self) -> Self:
        targets = self.lora.targets
        if "steering" in self.loss.types and (len(targets) != 1 or targets == ("all-linear",)):
            raise ValueError(
                f"steering adds to the output of one layer, the last of a block, as down_proj in Llama; "
                f"got lora.targets = {', '.join(targets)}"
            )
        return self

    @model_validator(mode="after")
    def _some_strength(self) -> Self:
        if self.strength != "search" and not 0 < self.strength * self.loss.direction <= 2:
            wanted = (
                "above 0, up to 2" if self.loss.direction > 0 else "below 0, down to -2, for sft_rejected"
            )
            raise ValueError(f"strength is 'search' or a number {wanted}; got {self.strength}")
        return self
