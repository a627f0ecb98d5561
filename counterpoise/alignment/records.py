"""What training leaves behind, besides the adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from torch import Tensor

from counterpoise.alignment.steering import CategoryBias

Number = TypeVar("Number", float, Tensor)
Status = Literal["neutral", "improved", "overshoot", "damaged", "no_change"]
"""What became of a training, in its own eyes."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One optimiser step; means over its pairs. No wall-clock, so it is the same on every run.

    Attributes:
        step: optimiser steps done, from 1.
        epoch: passes over the preferences done.
        learning_rate: the rate this step used.
        loss: the whole objective; ``anchor``: the anchor's part of it.
        reward_margin: beta × (policy margin − reference margin), DPO's implicit reward difference.
        reward_accuracy: share of pairs with a positive reward margin, 0 to 1.
        chosen_log_prob, rejected_log_prob: summed over the completion, nats.
        chosen_change, rejected_change: policy − reference, nats per token.
        push: mean absolute weight of the preferences.
        replay: mean squared change of the replayed tokens' log-probabilities, nats².
        gradient_norm: before clipping.
    """

    step: int
    epoch: float
    learning_rate: float
    loss: float
    anchor: float
    reward_margin: float
    reward_accuracy: float
    chosen_log_prob: float
    rejected_log_prob: float
    chosen_change: float
    rejected_change: float
    push: float
    replay: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class Probe:
    """The model on validation pairs and neutral text after ``step`` optimiser steps.

    Attributes:
        step: 0 is the base.
        score: pairs whose more stereotyping sentence is the more likely one, percent (ties left out).
        ties: pairs with equal log-probabilities.
        soft_score: estimated score of unseen pairs, percent: the base's score on all pairs outside the evaluated
            fold, plus the change of 100 × mean sigmoid(margin / temperature) on the validation pairs.
        mean_margin: mean of log p(more) − log p(less), nats; ``mean_abs_margin``: of its absolute value.
        less_change, more_change: mean change of the two sentences against the base, nats per token.
        perplexity: of the neutral texts, per token; ``perplexity_rise``: relative to the base, 0.02 = 2 %.
        usable_text: share of short greedy continuations that read as text, 0 to 1.
        lowest_group: the group whose neutral sentences fell most against those of all groups; empty where none is
            watched. ``lowest_group_change``: by how much, nats per token; below 0 is a fall.
        complaint: why a guard rejects this probe; empty if it is healthy.
    """

    step: int
    score: float
    ties: int
    soft_score: float
    mean_margin: float
    mean_abs_margin: float
    less_change: float
    more_change: float
    perplexity: float
    perplexity_rise: float
    usable_text: float
    lowest_group: str = ""
    lowest_group_change: float = 0.0
    complaint: str = ""


def weighed_margin(whole: Number, shared: Number, identity_weight: float) -> Number:
    """A pair's margin with the tokens that only one sentence has weighed by ``identity_weight``, nats.

    >>> weighed_margin(5.0, 2.0, 0.0), weighed_margin(5.0, 2.0, 0.5), weighed_margin(5.0, 2.0, 1.0)
    (2.0, 3.5, 5.0)
    """
    return shared + identity_weight * (whole - shared)


@dataclass(frozen=True, slots=True)
class ReferenceLogProb:
    """The frozen base's summed log-probabilities of one preference's completions, nats.

    Attributes:
        shared_margin: log p(chosen) − log p(rejected) of the tokens that both have.
    """

    preference_id: str
    chosen: float
    rejected: float
    shared_margin: float = 0.0

    def margin(self, identity_weight: float = 1.0) -> float:
        """log p(chosen) − log p(rejected), nats, the tokens that only one has weighed by ``identity_weight``."""
        whole = self.chosen - self.rejected
        return whole if identity_weight == 1 else weighed_margin(whole, self.shared_margin, identity_weight)


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What training did and which of the probed adapters was kept.

    Attributes:
        selected_step: the step whose adapter was written; 0 is an adapter that changes nothing.
        status: ``neutral`` (validation score within tolerance of 50), ``improved`` (nearer to 50),
            ``overshoot`` (beyond 50 on the far side), ``damaged`` (a guard stopped it before anything
            improved), ``no_change``.
        reason: one sentence that explains the status with its numbers.
    """

    history: tuple[TrainingStep, ...]
    probes: tuple[Probe, ...]
    steering: tuple[CategoryBias, ...]
    selected_step: int
    status: Status
    reason: str
