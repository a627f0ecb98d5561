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
from counterpoise.likelihood.token_log_probs import token_log_probs


@dataclass(frozen=True, slots=True)
class Decoder:
    """A causal model taken apart: the body that gives hidden states, and the output head.

    Attributes:
        body: called with ``input_ids``; its ``last_hidden_state`` is ``[sequences, length, width]``.
        head: ``[vocabulary, width]``.
        device: where inputs go.
    """

    body: Any
    head: Tensor
    device: torch.device


def decoder(model: Any) -> Decoder:
    """The parts of a ``transformers`` causal model or of the ``PeftModel`` around one.

    Raises:
        ModelError: head × hidden state is not what the model itself returns as logits (a scaled, capped or
            biased head), found by comparing both on two tokens.
    """
    causal = model.get_base_model() if hasattr(model, "peft_config") else model
    parts = Decoder(causal.base_model, causal.get_output_embeddings().weight, causal.device)
    ids = torch.tensor([[0, 1]], device=parts.device)
    training = causal.training
    causal.eval()
    with torch.no_grad():
        whole = causal(input_ids=ids, use_cache=False).logits.float()
        ours = (hidden_states(parts, ids) @ parts.head.T).float()
    causal.train(training)
    if not torch.allclose(whole, ours, rtol=0.02, atol=0.1):
        raise ModelError(
            f"{type(causal).__name__} changes its logits after the output head",
            "models with a scaled, capped or biased head are not supported yet",
        )
    return parts


def hidden_states(parts: Decoder, input_ids: Tensor, **layout: Tensor | None) -> Tensor:
    """Final hidden states, ``[rows, length, width]``; causal attention needs no padding mask.

    Args:
        layout: ``position_ids`` and ``attention_mask`` where a row is more than one sequence.
    """
    states: Tensor = parts.body(input_ids=input_ids, use_cache=False, **layout).last_hidden_state
    return states


def scored_log_probs(parts: Decoder, batch: TokenBatch) -> Tensor:
    """Log-probability of every scored token of the batch, ``[scored]`` fp32, nats; differentiable."""
    states = hidden_states(
        parts, batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.attention_mask
    )
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
