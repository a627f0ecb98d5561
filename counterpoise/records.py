"""The records that pass between rooms. Plain frozen data; `counterpoise.artifacts.tables` gives their Arrow schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

CATEGORIES = (
    "race-color",
    "gender",
    "socioeconomic",
    "nationality",
    "religion",
    "age",
    "sexual-orientation",
    "physical-appearance",
    "disability",
)
"""The nine bias categories of CrowS-Pairs (Nangia et al. 2020), largest first."""

Direction = Literal["stereo", "antistereo"]
Variant = Literal["base", "tuned"]
Origin = Literal["human", "counterfactual"]
Normalisation = Literal["sum", "mean"]
"""Log-probability of a whole sentence, or divided by its number of tokens."""
Reading = Literal["whole", "shared", "identity"]
"""Which tokens of a sentence count: all, those that both sentences of its pair have, or the others."""


class Progress(Protocol):
    """Called by long work with units done and units in all."""

    def __call__(self, done: int, total: int) -> None:
        """Told of the work done so far."""


def silent(done: int, total: int) -> None:
    """A :class:`Progress` that shows nothing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One CrowS-Pairs row.

    Attributes:
        pair_id: row number in the source file, from 0.
        category: one of :data:`CATEGORIES`.
        direction: whether the row demonstrates or violates a stereotype; it does not swap the sides.
        more: the more stereotyping sentence (``sent_more``), in every row.
        less: the less stereotyping sentence (``sent_less``).
    """

    pair_id: int
    category: str
    direction: Direction
    more: str
    less: str


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """One identity swap of one sentence of a pair.

    Attributes:
        pair_id: the CrowS-Pairs row.
        side: which sentence was swapped.
        axis: the identity axis.
        direction: the directed group pair, as ``muslim>christian``.
        text, swapped: the sentence and its swap.
        edits: how many spans were replaced.
        refusals: why spans were left alone, joined by `` · ``; empty when none was.
    """

    pair_id: int
    side: str
    axis: str
    direction: str
    text: str
    swapped: str
    edits: int
    refusals: str


@dataclass(frozen=True, slots=True)
class ToxicityScore:
    """The toxicity one classifier gives to one text, probability 0 to 1."""

    text: str
    classifier: str
    toxicity: float


@dataclass(frozen=True, slots=True)
class Preference:
    """One candidate DPO example and what the filter decided about it.

    ``prompt + chosen`` and ``prompt + rejected`` are the two whole sentences.

    Attributes:
        preference_id: stable name of the row, ``<pair_id>/<origin>/<axis>/<n>``.
        pair_id: the CrowS-Pairs row it descends from; decides the fold it may be used in.
        fold: that pair's fold.
        category: that pair's category.
        axis: the identity axis on which chosen and rejected differ.
        origin: ``human`` (the annotators' own pair) or ``counterfactual`` (an identity swap).
        chosen_toxicity, rejected_toxicity: classifier probability of the whole sentence, 0 to 1.
        kept: whether it may be trained on.
        reason: why it was kept or dropped.
    """

    preference_id: str
    pair_id: int
    fold: int
    category: str
    axis: str
    origin: Origin
    prompt: str
    chosen: str
    rejected: str
    chosen_toxicity: float
    rejected_toxicity: float
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PairScore:
    """Log-probabilities that one model gives to the two sentences of a pair.

    Attributes:
        pair_id: the pair's row number.
        variant: ``base`` (adapter off) or ``tuned`` (adapter on).
        more_log_prob, less_log_prob: summed natural-log probability of the sentence, nats.
        more_tokens, less_tokens: how many tokens those sums are over.
        reading: which tokens the sums are over.
    """

    pair_id: int
    variant: Variant
    more_log_prob: float
    less_log_prob: float
    more_tokens: int
    less_tokens: int
    reading: Reading = "whole"


@dataclass(frozen=True, slots=True)
class Generation:
    """One continuation of one prompt.

    Attributes:
        prompt_id: stable name of the prompt.
        group: the identity group the prompt names, or ``neutral``.
        axis: the axis of that group, or ``neutral``.
        variant: ``base`` or ``tuned``.
        sample: index of the sample for this prompt and variant, from 0.
        prompt, text: the prompt and the continuation alone.
        tokens: continuation length, tokens.
    """

    prompt_id: str
    group: str
    axis: str
    variant: Variant
    sample: int
    prompt: str
    text: str
    tokens: int
