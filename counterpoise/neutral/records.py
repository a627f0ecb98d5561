"""Neutral sentences and what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from counterpoise.records import Variant

Part = Literal["guard", "evaluation", "beginning", "group"]


@dataclass(frozen=True, slots=True)
class NeutralText:
    """A neutral sentence and what it is for.

    Attributes:
        part: ``guard`` (training's guards measure on it), ``evaluation`` (seen by nothing before the report),
            ``beginning`` (the base continues its first words, for training) or ``group`` (guarded, group by group).
        group: of ``group`` sentences, whom it is about.
    """

    text_id: int
    text: str
    part: Part
    group: str = ""


@dataclass(frozen=True, slots=True)
class OwnText:
    """A continuation that the base wrote, with the beginning that it continued.

    Attributes:
        part: ``train`` (training holds the model to it) or ``guard`` (only measured on).
        greedy: whether it is the most likely continuation, or a sampled one.
        prompt, text: the beginning and what follows it.
        tokens: ids of both together; ``start``: index of the first one that the base wrote.
    """

    text_id: int
    part: Literal["train", "guard"]
    greedy: bool
    prompt: str
    text: str
    tokens: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Divergence:
    """KL(base ‖ tuned) on one text that the base wrote: nats, summed over its ``tokens``."""

    text_id: int
    nats: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Capability:
    """The log-probability one variant gives to one neutral sentence: nats, summed over ``tokens``."""

    text_id: int
    variant: Variant
    log_prob: float
    tokens: int
