"""Neutral sentences and what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from counterpoise.records import Variant

Part = Literal["probe", "evaluation", "replay", "group"]


@dataclass(frozen=True, slots=True)
class NeutralText:
    """A neutral sentence and what it is for.

    Attributes:
        part: ``probe`` (watched in training), ``evaluation`` (seen by nothing before the report), ``replay``
            (the model is held to its base on it while it trains) or ``group`` (watched in training, group by group).
        group: of ``group`` sentences, whom it is about.
    """

    text_id: int
    text: str
    part: Part
    group: str = ""


@dataclass(frozen=True, slots=True)
class Capability:
    """The log-probability one variant gives to one neutral sentence: nats, summed over ``tokens``."""

    text_id: int
    variant: Variant
    log_prob: float
    tokens: int
