r"""The objective as pure functions of log-probabilities.

Notation, per pair: policy and reference log-probabilities of the chosen (c) and rejected (r) completion,
margin m = log π(c) − log π(r), reference margin m₀, δ = m − m₀, |c| and |r| completion lengths in tokens.

* ``sigmoid``       −log σ(βδ)                                        DPO, Rafailov et al. 2305.18290 eq. 7
* ``ipo``           (δ̄ − 1/(2β))², δ̄ with each log-ratio per token    IPO, Azar et al. 2310.12036 eq. 17
* ``sigmoid_norm``  −log σ(βδ̄)                                        length-normalised DPO (Tülu 3)
* ``sft``           −Σ log π(c) / Σ|c| over the batch                 negative log-likelihood of the chosen
* ``npo``           −(2/β) log σ(−β (log π(r) − log π_ref(r)))        NPO, Zhang et al. 2404.05868; not TRL's
* ``sft_rejected``  −Σ log π(r) / Σ|r| over the batch                 ``sft`` of the other sentence; not TRL's

The margin has two parts: that of the tokens which both sentences have, given what stands before them, and that of the
tokens in which they differ, the identity terms. The first is what is said, given of whom; the second is how
frequent a group's name is. δ counts the second with weight λ (``identity_weight``). The last three look
at one sentence and have no margin to split: they count it whole, as published.

``sft_rejected`` fits what should go. Its adapter is a task vector of the stereotypes (Ilharco et al. 2212.04089), which
is taken from the base: it is delivered at a strength below 0.

A pair's category weight w (:mod:`counterpoise.alignment.weights`) multiplies its preference loss.

``hold`` keeps what is not meant to move where it is: Huber(δ of the identity terms); (1 − w)₊ · Huber(δ of the
shared tokens), so a category without bias stays as it is while others are moved; and Huber(mean change of c and r).
The last keeps a pair as likely as it was: a margin can also grow because both sentences become less likely, and then
what is meaningless gains on what is said of groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, logsigmoid

if TYPE_CHECKING:
    from counterpoise.alignment.config import LossSettings, LossType

HOLD_WIDTH = 2.0
"""Change of a margin from which its hold grows linearly, nats: a pair of long sentences moves by several."""

LIKELIHOODS = ("sft", "sft_rejected")
"""Losses that prefer nothing: no category weighs in them."""


@dataclass(frozen=True, slots=True)
class PairLogProbs:
    """Summed log-probabilities (nats) and lengths (tokens) of a batch of pairs, each ``[pairs]`` fp32.

    Attributes:
        chosen, rejected, reference_chosen, reference_rejected: of the completions.
        shared, reference_shared: the margin chosen − rejected of the tokens that both have.
        chosen_tokens, rejected_tokens: their lengths.
        weight: the pair's category weight w, 0 or more.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor
    shared: Tensor
    reference_shared: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor
    weight: Tensor

    @property
    def chosen_change(self) -> Tensor:
        """log π(c) − log π_ref(c), nats."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_change(self) -> Tensor:
        """log π(r) − log π_ref(r), nats."""
        return self.rejected - self.reference_rejected

    @property
    def shared_delta(self) -> Tensor:
        """δ of the tokens that both sentences have, nats."""
        return self.shared - self.reference_shared

    @property
    def identity_delta(self) -> Tensor:
        """δ of the tokens in which they differ, nats."""
        return self.chosen_change - self.rejected_change - self.shared_delta

    def delta(self, identity_weight: float) -> Tensor:
        """Policy margin − reference margin, nats; the identity terms count ``identity_weight``."""
        if identity_weight == 1:
            return self.chosen_change - self.rejected_change
        return self.shared_delta + identity_weight * self.identity_delta

    @property
    def level_change(self) -> Tensor:
        """Mean change of the two sentences' log-probabilities, nats."""
        return (self.chosen_change + self.rejected_change) / 2

    @property
    def delta_per_token(self) -> Tensor:
        """Each log-ratio divided by its own length, chosen − rejected, nats per token."""
        return self.chosen_change / self.chosen_tokens - self.rejected_change / self.rejected_tokens


def preference_loss(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    """The weighted sum of the preference losses, a scalar: the mean over the pairs."""
    total = pairs.chosen.new_zeros(())
    for name, weight in zip(settings.types, settings.weights, strict=True):
        rows = _LOSSES[name](pairs, settings)
        total = total + weight * (rows if name in LIKELIHOODS else rows * pairs.weight).mean()
    return total


def hold_loss(pairs: PairLogProbs) -> Tensor:
    """How far what should stay has moved, a scalar: the mean over the pairs."""
    free = (1 - pairs.weight).clamp_min(0)
    apart = _huber(pairs.identity_delta) + free * _huber(pairs.shared_delta)
    return (apart + _huber(pairs.level_change)).mean()


def _huber(change: Tensor) -> Tensor:
    return huber_loss(change, torch.zeros_like(change), reduction="none", delta=HOLD_WIDTH)


def _sigmoid(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return -logsigmoid(settings.beta * pairs.delta(settings.identity_weight))


def _sigmoid_norm(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return -logsigmoid(settings.beta * pairs.delta_per_token)


def _ipo(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return (pairs.delta_per_token - 1 / (2 * settings.beta)) ** 2


def _sft(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return (-pairs.chosen.sum() / pairs.chosen_tokens.sum()).expand(len(pairs.chosen))


def _npo(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    """Of the rejected sentence; its slope is 1 at the reference and falls to 0 as the sentence is unlearned."""
    return -2 / settings.beta * logsigmoid(-settings.beta * pairs.rejected_change)


def _sft_rejected(pairs: PairLogProbs, settings: LossSettings) -> Tensor:
    return (-pairs.rejected.sum() / pairs.rejected_tokens.sum()).expand(len(pairs.rejected))


_LOSSES: dict[LossType, Callable[[PairLogProbs, LossSettings], Tensor]] = {
    "sigmoid": _sigmoid,
    "sigmoid_norm": _sigmoid_norm,
    "ipo": _ipo,
    "sft": _sft,
    "npo": _npo,
    "sft_rejected": _sft_rejected,
}
