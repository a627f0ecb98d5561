"""Sequence log-probabilities: the forward pass that training and its reference share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from counterpoise.alignment.batches import TokenBatch
from counterpoise.errors import ModelError
from counterpoise.likelihood.fast_path import fast_path
from counterpoise.likelihood.forward import causal_of, gathered, own_logits
from counterpoise.likelihood.token_log_probs import token_log_probs

LONGEST = 256
"""Tokens of the longest training sequence by default: ``optimisation.max_tokens``."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """A causal model taken apart: the body that gives hidden states, and the output head.

    Attributes:
        body: called with ``input_ids``; its ``last_hidden_state`` is ``[sequences, length, width]``.
        head: ``[vocabulary, width]``; None where the model does more to its logits than this product.
        device: where inputs go.
        causal: the model itself, for its own logits.
    """

    body: Any
    head: Tensor | None
    device: torch.device
    causal: Any


def decoder(model: Any, longest: int = LONGEST) -> Decoder:
    """The parts of a ``transformers`` causal model or of the ``PeftModel`` around one.

    Args:
        longest: tokens of the longest sequence that will be read.

    Raises:
        ModelError: sequences of several lengths cannot share a batch
            (:func:`counterpoise.likelihood.fast_path.fast_path`).
    """
    causal = causal_of(model)
    way = fast_path(model, longest).way
    if way.rows not in ("trees", "padded"):
        raise ModelError(
            f"{type(causal).__name__} gives other log-probabilities in a padded batch, so it cannot be trained in one",
            "score it with `counterpoise score`, or give another model",
        )
    head = causal.get_output_embeddings().weight if way.head else None
    return Decoder(causal.base_model, head, causal.device, causal)


@dataclass(frozen=True, slots=True)
class PairPass:
    """What one forward pass over a batch of pairs gives.

    Attributes:
        sums: summed log-probability of all chosen and then all rejected sequences, ``[2 × pairs]`` fp32, nats.
        shared: log p(chosen) − log p(rejected) of the tokens that both have, ``[pairs]``, nats.
        aligned: states (:func:`states`) that predict the same token after the first difference, in chosen and in
            rejected, each ``[aligned, width]``.
    """

    sums: Tensor
    shared: Tensor
    aligned: tuple[Tensor, Tensor]


def pair_pass(parts: Decoder, batch: TokenBatch) -> PairPass:
    """One forward pass over a batch of pairs; differentiable.

    Raises:
        ValueError: it is a batch of single texts.
    """
    if batch.aligned is None:
        raise ValueError("not a batch of pairs: it has no aligned tokens")
    every = states(parts, batch)
    scores = _token_scores(parts, every, batch)
    chosen, rejected = _summed(scores, batch, batch.shared).chunk(2)
    first, second = batch.aligned
    return PairPass(
        sums=_summed(scores, batch),
        shared=chosen - rejected,
        aligned=(every.index_select(0, first), every.index_select(0, second)),
    )


def states(parts: Decoder, batch: TokenBatch) -> Tensor:
    """What predicts the next token at every place of the batch, ``[rows × length, width]``; differentiable.

    Final hidden states where the output head is a plain product, else the model's own logits.
    """
    layout = {"position_ids": batch.position_ids, "attention_mask": batch.attention_mask}
    given = {name: value for name, value in layout.items() if value is not None}
    if parts.head is None:
        return own_logits(parts.causal, input_ids=batch.input_ids, **given).flatten(0, 1)
    found: Tensor = parts.body(input_ids=batch.input_ids, use_cache=False, **given).last_hidden_state
    return found.flatten(0, 1)


def scored_states(parts: Decoder, batch: TokenBatch) -> Tensor:
    """The states that predict the scored tokens, ``[scored, width]``; differentiable."""
    return states(parts, batch).index_select(0, batch.positions)


def sequence_log_probs(parts: Decoder, batch: TokenBatch) -> Tensor:
    """Summed log-probability of each sequence's scored tokens, ``[sequences]`` fp32, nats; differentiable."""
    return _summed(_token_scores(parts, states(parts, batch), batch), batch)


def _token_scores(parts: Decoder, every: Tensor, batch: TokenBatch) -> Tensor:
    """Log-probability of every scored token, ``[scored]`` fp32, nats."""
    if parts.head is None:
        return gathered(every, batch.positions, batch.targets)
    return token_log_probs(every.index_select(0, batch.positions), parts.head, batch.targets)


def _summed(scores: Tensor, batch: TokenBatch, counted: Tensor | None = None) -> Tensor:
    """Sums by sequence, of the tokens that are ``counted`` or of all, ``[sequences]``."""
    # A dense matrix summed by row: index_add would add in an undefined order on a GPU.
    if batch.members is not None:
        own = torch.arange(int(batch.counts.max()), device=scores.device) < batch.counts[:, None]
        values = scores[batch.members] if counted is None else scores[batch.members] * counted
        return scores.new_zeros(own.shape).masked_scatter(own, values).sum(-1)
    scores = scores if counted is None else scores * counted
    table = scores.new_zeros(batch.input_ids.numel()).index_copy(0, batch.positions, scores)
    return table.view(batch.input_ids.shape).sum(-1)
