r"""Preference losses as pure functions of log-probabilities.

Notation, per pair: policy and reference log-probabilities of the chosen (c) and rejected (r) completion,
margin m = log π(c) − log π(r), reference margin m₀, δ = m − m₀, |c| and |r| completion lengths in tokens.

* ``sigmoid``       −log σ(βδ)                                        DPO, Rafailov et al. 2305.18290 eq. 7
* ``robust``        [(1−ε)·−log σ(βδ) − ε·−log σ(−βδ)] / (1−2ε)       rDPO, Chowdhury et al. 2403.00409
* ``ipo``           (δ̄ − 1/(2β))², δ̄ with each log-ratio per token    IPO, Azar et al. 2310.12036 eq. 17
* ``sigmoid_norm``  −log σ(βδ̄)                                        length-normalised DPO (Tülu 3)
* ``sft``           −Σ log π(c) / Σ|c| over the batch                 negative log-likelihood of the chosen
* ``neutral``       log cosh(β(m − m*)/2) / (β/2)                     ours; m* in ``targets.py``

Every DPO loss above is minimised by an ever larger margin: with a model that is to become *indifferent*, the
optimum lies at infinity and neutral is only passed on the way. ``neutral`` has a finite one, m = m*:

    L(x) = −½ log σ(βx) − ½ log σ(−βx) + const, rescaled      dL/dx = tanh(βx/2),  x = m − m*

With m* = 0 it is conservative DPO with half of the labels assumed flipped (ε = ½, Mitchell 2023) on the
absolute margin instead of the one relative to the reference; near m* it is IPO's square with a target of its
own for each pair. The gradient is bounded, so a few pairs with margins of 20 nats do not rule the batch.

A pair's push w (``steering.py``; 1 unless training is steered) weighs the DPO losses and gives their direction:
|w| · L(sign(w) · δ). At w = 0 only what is not a preference remains: ``neutral``, ``sft`` and the penalties.

The replay penalty holds the model to its base on neutral text: the mean over its tokens of
(log π(t) − log π_ref(t))², which for text the base finds likely is about twice the KL divergence to it, and the same
of whole sentences (:func:`replay_penalty`): a small change is felt where all tokens share it.

With an identity weight λ below 1 the margin m is not the whole sentences' but that of the tokens which both have, given
what stands before them, plus λ times the rest, which is that of the identity terms themselves: what is said, given of
whom, counts whole, and how frequent a group's name is counts λ. The penalties are of whole sentences.

The drift penalty adds what both sentences of a pair rise in common, per token (:func:`drift_penalty`).

The anchor adds, per sentence s, ``weight × relu((log π_ref(s) − log π(s)) / |s| − slack)``: margins may
shrink by raising the less likely sentence but not by losing the more likely one. Pal et al. 2402.13228
(DPO-positive) put such a term on the chosen side, inside the sigmoid; here it is on both sides, per token,
and outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from counterpoise.alignment.config import LossSettings, LossType


@dataclass(frozen=True, slots=True)
class PairLogProbs:
    """Summed log-probabilities (nats) and lengths (tokens) of a batch of pairs, each ``[pairs]`` fp32.

    ``target`` is the margin m* that ``neutral`` draws each pair to, nats; ``push`` the weight of its preference,
    below 0 with the sides swapped. ``weighed`` is the margin chosen − rejected that is pushed, now and of the
    reference, each ``[pairs]``; None where it is the whole sentences'.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor
    target: Tensor
    push: Tensor
    weighed: tuple[Tensor, Tensor] | None = None

    @property
    def chosen_change(self) -> Tensor:
        """log π(c) − log π_ref(c), nats."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_change(self) -> Tensor:
        """log π(r) − log π_ref(r), nats."""
        return self.rejected - self.reference_rejected

    @property
    def margin(self) -> Tensor:
        """The policy's margin, nats."""
        return self.weighed[0] if self.weighed else self.chosen - self.rejected

    @property
    def delta(self) -> Tensor:
        """Policy margin − reference margin, nats."""
        if self.weighed:
            return self.weighed[0] - self.weighed[1]
        return self.chosen_change - self.rejected_change

    @property
    def delta_per_token(self) -> Tensor:
        """The same with each log-ratio divided by its own length, nats per token."""
        return self.chosen_change / self.chosen_tokens - self.rejected_change / self.rejected_tokens


def objective(pairs: PairLogProbs, settings: LossSettings) -> tuple[Tensor, Tensor]:
    """The batch's loss and the anchor's part of it, both scalars: means over the pairs."""
    anchor = settings.anchor_weight * anchor_penalty(pairs, settings.anchor_slack).mean()
    anchor = anchor + settings.drift_weight * drift_penalty(pairs).mean()
    total = anchor
    for name, weight in zip(settings.types, settings.weights, strict=True):
        rows = _LOSSES[name](pairs, settings)
        total = total + weight * (rows * pairs.push.abs() if name in _STEERED else rows).mean()
    return total, anchor


def replay_penalty(now: Tensor, reference: Tensor, counts: Tensor, sentence_weight: float = 0.0) -> Tensor:
    """Mean squared change of the log-probability of tokens, and with ``sentence_weight`` of their sentences, nats².

    A sentence's part is (its tokens' changes added up)² / its tokens: what its tokens' mean square would be if their
    changes had nothing in common, and up to its length times that where they all fall together.

    Args:
        now, reference: ``[tokens]``, one sentence after the other, nats.
        counts: ``[sentences]`` tokens of each.
    """
    change = now - reference
    tokens = (change**2).mean()
    if not sentence_weight:
        return tokens
    sums = torch.stack([part.sum() for part in torch.split(change, counts.tolist())])
    return tokens + sentence_weight * (sums**2 / counts).mean()


def anchor_penalty(pairs: PairLogProbs, slack: float) -> Tensor:
    """Mean over a pair's two sentences of the fall below the reference beyond ``slack``, nats per token."""
    chosen = torch.relu(-pairs.chosen_change / pairs.chosen_tokens - slack)
    rejected = torch.relu(-pairs.rejected_change / pairs.rejected_tokens - slack)
    return (chosen + rejected) / 2


def drift_penalty(pairs: PairLogProbs) -> Tensor:
    """The rise above the reference that a pair's two sentences have in common, nats per token.

    A preference needs no common rise: it is what the model learns of the benchmark's style, and what bends its
    text towards it.
    """
    chosen = pairs.chosen_change / pairs.chosen_tokens
    rejected = pairs.rejected_change / pairs.rejected_tokens
    return torch.relu((chosen + rejected) / 2)


def _sigmoid(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return -logsigmoid(settings.beta * pairs.push.sign() * pairs.delta)


def _sigmoid_norm(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return -logsigmoid(settings.beta * pairs.push.sign() * pairs.delta_per_token)


def _ipo(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return (pairs.push.sign() * pairs.delta_per_token - 1 / (2 * settings.beta)) ** 2


def _robust(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    flipped = settings.label_smoothing
    scaled = settings.beta * pairs.push.sign() * pairs.delta
    return (flipped * logsigmoid(-scaled) - (1 - flipped) * logsigmoid(scaled)) / (1 - 2 * flipped)


def _sft(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return (-pairs.chosen.sum() / pairs.chosen_tokens.sum()).expand(len(pairs.chosen))


def _neutral(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    scaled = settings.beta * (pairs.margin - pairs.target)
    # log cosh(x/2) = ½ softplus(x) + ½ softplus(−x) − log 2, which does not overflow
    return (softplus(scaled) / 2 + softplus(-scaled) / 2 - math.log(2)) * 2 / settings.beta


_LOSSES: dict[LossType, Callable[[PairLogProbs, LossSettings], Tensor]] = {
    "neutral": _neutral,
    "sigmoid": _sigmoid,
    "sigmoid_norm": _sigmoid_norm,
    "ipo": _ipo,
    "robust": _robust,
    "sft": _sft,
}
_STEERED = frozenset({"sigmoid", "sigmoid_norm", "ipo", "robust"})
