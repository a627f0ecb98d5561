"""Sequence log-probabilities: the one forward pass that training, reference and probes share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.records import ReferenceLogProb
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


def hidden_states(parts: Decoder, input_ids: Tensor, **layout: Tensor | None) -> Tensor:
    """Final hidden states, ``[rows, length, width]``; causal attention needs no padding mask.

    Args:
        layout: ``position_ids`` and ``attention_mask`` where a row is more than one sequence.
    """
    states: Tensor = parts.body(input_ids=input_ids, use_cache=False, **layout).last_hidden_state
    return states


def scored_log_probs(parts: Decoder, batch: TokenBatch) -> Tensor:
    """Log-probability of every scored token of the batch, ``[scored]`` fp32, nats; differentiable."""
    layout = {"position_ids": batch.position_ids, "attention_mask": batch.attention_mask}
    if parts.head is None:
        given = {name: value for name, value in layout.items() if value is not None}
        logits = own_logits(parts.causal, input_ids=batch.input_ids, **given)
        return gathered(logits.flatten(0, 1), batch.positions, batch.targets)
    states = hidden_states(parts, batch.input_ids, **layout)
    hidden = states.flatten(0, 1).index_select(0, batch.positions)
    return token_log_probs(hidden, parts.head, batch.targets)


def sequence_log_probs(parts: Decoder, batch: TokenBatch) -> Tensor:
    """Summed log-probability of each sequence's scored tokens, ``[sequences]`` fp32, nats; differentiable."""
    return _summed(scored_log_probs(parts, batch), batch)


def pair_log_probs(parts: Decoder, batch: TokenBatch) -> tuple[Tensor, Tensor]:
    """As :func:`sequence_log_probs`, and beside it each pair's margin over the tokens that its two sentences share.

    Returns:
        ``[sequences]`` and ``[pairs]``, the latter log p(chosen) − log p(rejected), nats.
    """
    scores = scored_log_probs(parts, batch)
    chosen, rejected = _summed(scores, batch, batch.shared).chunk(2)
    return _summed(scores, batch), chosen - rejected


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


@torch.no_grad()
def reference_log_probs(model: Any, parts: Decoder, batches: Iterable[TokenBatch]) -> list[ReferenceLogProb]:
    """The base's log-probabilities of every preference: adapter off, in the batches training will see."""
    result: list[ReferenceLogProb] = []
    with model.disable_adapter():
        for batch in batches:
            sums, shared = pair_log_probs(parts, batch.to(parts.device))
            columns = (*sums.chunk(2), shared)
            result += map(ReferenceLogProb, batch.names, *(column.tolist() for column in columns))
    return result
