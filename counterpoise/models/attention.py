"""Attention for short sentences on a CPU, registered with ``transformers`` under its own name.

PyTorch's fused CPU kernel is made for long sequences: for a batch of 16-token sentences its backward pass
takes ten times as long as the plain products below (25 against 2 ms at ``[32, 9, 16, 64]`` bf16, one thread).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME, OWN = "counterpoise_short", "sdpa"
LONGEST = 256
"""Beyond this many keys the fused kernel is used: plain scores would take quadratic memory."""


def use_short_attention(model: Any) -> None:
    """Switch a CPU model to :func:`short_attention` from PyTorch's fused one; on a GPU the fused kernels stay.

    A model with attention of another kind (a soft cap, a sink) keeps it: only what ``sdpa`` computes is computed here.
    """
    if model.device.type == "cpu" and model.config._attn_implementation == OWN:
        AttentionInterface.register(NAME, short_attention)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


@contextmanager
def own_attention(model: Any) -> Iterator[None]:
    """``model`` with the attention that ``transformers`` gave it, inside the block."""
    switched = model.config._attn_implementation == NAME
    if switched:
        model.set_attn_implementation(OWN)
    try:
        yield
    finally:
        if switched:
            model.set_attn_implementation(NAME)


def short_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """softmax(Q Kᵀ · scaling + mask) V, with the query heads of one key head in one product.

    Args:
        query: ``[batch, heads, queries, width]``; key, value: ``[batch, key_heads, keys, width]``.
        attention_mask: boolean (True attends) or additive, broadcastable to
            ``[batch, heads, queries, keys]``; None is causal.
        scaling: default width ** −½.

    Returns:
        ``[batch, queries, heads, width]`` and no weights. The softmax is fp32.
    """
    heads, queries, keys = query.shape[1], query.shape[2], key.shape[2]
    if keys > LONGEST or dropout:
        fused: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **options
        )
        return fused
    grouped = query.reshape(len(query), key.shape[1], -1, query.shape[-1])
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (grouped @ key.transpose(-1, -2)).view(len(query), heads, queries, keys).float()
    mask = _additive(attention_mask, queries, keys, query.device)
    weights = torch.softmax(torch.add(mask, scores, alpha=scale), dim=-1).to(value.dtype)
    mixed = weights.view(len(query), key.shape[1], -1, keys) @ value
    return mixed.view(query.shape).transpose(1, 2).contiguous(), None


def _additive(mask: Tensor | None, queries: int, keys: int, device: torch.device) -> Tensor:
    """What is added to the scores, fp32, broadcastable to them: one mask for all heads, so small beside them."""
    if mask is None:
        mask = torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
    if mask.dtype != torch.bool:
        return mask.float()
    # A row that may attend to nothing (padding) would be NaN with −inf; its output is never read.
    least = torch.finfo(torch.float32).min
    return torch.zeros(mask.shape, device=device).masked_fill_(~mask, least)
