"""What training leaves behind, besides the adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["neutral", "improved", "overshoot", "no_change"]
"""What became of a training, in its own eyes."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One optimiser step; means over its pairs. No wall-clock, so it is the same on every run.

    Attributes:
        step: optimiser steps done, from 1.
        epoch: passes over the preferences done.
        learning_rate: the rate this step used.
        loss: the whole objective.
        preference: the preference losses; ``hold``, ``consistency`` and ``own_text``: the other terms, unweighted
            (nats, and nats a token).
        reward_margin: beta × (policy margin − reference margin), DPO's implicit reward difference.
        reward_accuracy: share of pairs with a positive reward margin, 0 to 1.
        chosen_log_prob, rejected_log_prob: summed over the completion, nats.
        chosen_change, rejected_change: policy − reference, nats per token.
        gradient_norm: before clipping.
    """

    step: int
    epoch: float
    learning_rate: float
    loss: float
    preference: float
    hold: float
    consistency: float
    own_text: float
    reward_margin: float
    reward_accuracy: float
    chosen_log_prob: float
    rejected_log_prob: float
    chosen_change: float
    rejected_change: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """The trained adapter at one strength, on validation pairs and on text that nothing is trained on.

    What only a guard needs is measured where the score makes a strength worth it, and None elsewhere.

    Attributes:
        strength: share of LoRA's scale; 0 is the base, below 0 the adapter is negated.
        score: validation pairs whose more stereotyping sentence is the likelier one, percent.
        soft_score: estimated score of unseen pairs, percent: the base's score on all pairs outside the evaluated fold,
            plus the change of 100 × mean sigmoid(margin / temperature) on the validation pairs.
        mean_abs_margin: mean |log p(more) − log p(less)|, nats.
        perplexity_rise: of neutral text, relative to the base, 0.02 = 2 %.
        own_text_kl: KL divergence from the base on text that the base wrote, nats a token.
        usable_ratio: usable share of sampled continuations, of the base's share; ``usable_ratio_high``: the upper end
            of its 95 % interval.
        lowest_group: the group whose neutral sentences fell most against those of all groups; empty where none is
            watched. ``lowest_group_change``: by how much, nats per token; below 0 is a fall.
        failed_guard: why a guard rejects it; empty if none does.
    """

    strength: float
    score: float
    soft_score: float
    mean_abs_margin: float
    perplexity_rise: float | None = None
    own_text_kl: float | None = None
    usable_ratio: float | None = None
    usable_ratio_high: float | None = None
    lowest_group: str = ""
    lowest_group_change: float | None = None
    failed_guard: str = ""


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What training did and how much of its adapter is delivered.

    Attributes:
        history: every optimiser step.
        candidates: every strength that was looked at, the base (0) first.
        strength: the one that is delivered; 0 is an adapter that changes nothing.
        status: ``neutral`` (validation score within tolerance of 50), ``improved`` (nearer to 50),
            ``overshoot`` (beyond 50 on the far side), ``no_change`` (a guard rejected every strength, or none helped).
        reason: one sentence that explains the status with its numbers.
    """

    history: tuple[TrainingStep, ...]
    candidates: tuple[Candidate, ...]
    strength: float
    status: Status
    reason: str
