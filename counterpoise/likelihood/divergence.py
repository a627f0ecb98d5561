"""KL divergence between next-token distributions, over the whole vocabulary, a block of tokens at a time.

With the frozen output head ``W``, a hidden state ``h`` of the model that trains and a target distribution ``q``,

    KL(q ‖ p) = Σ q log q − Σ q log p,   p = softmax(W h)          d KL / d h = Wᵀ (p − q)

so, as in :mod:`counterpoise.likelihood.token_log_probs`, the backward pass needs one vector a token, which the
forward pass computes while it holds the block's logits. Memory does not grow with tokens × vocabulary.

At a temperature T both logits are divided by T and the divergence is multiplied by T² (Hinton et al. 2015), so that
unlikely tokens count for more and the size of the gradient stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

BLOCK_VALUES = 1 << 23
"""Logits of one block: 170 tokens of a 49k vocabulary, 32 of a 262k one."""
SOFTMAX_ROWS = 8
"""Rows that are turned into probabilities at a time: 1.5 MB of a 49k vocabulary in fp32."""
TINY = torch.finfo(torch.float32).tiny


def divergence(
    hidden: Tensor, head_weight: Tensor | None, targets: Sequence[Tensor], temperature: float = 1.0
) -> Tensor:
    """KL(q ‖ p) of each token, differentiable in ``hidden``; q is the mean of the targets' distributions.

    Args:
        hidden: final hidden states of the model that trains, ``[tokens, width]``.
        head_weight: the bias-less output head, ``[vocabulary, width]``; frozen, it gets no gradient. None where
            ``hidden`` and ``targets`` are logits already.
        targets: hidden states whose distributions are averaged, each ``[tokens, width]``; constants.
        temperature: 1 for the divergence itself.

    Returns:
        ``[tokens]`` fp32, nats, at least 0 up to rounding.

    Raises:
        ValueError: no target, or shapes that differ.
    """
    if not targets or any(target.shape != hidden.shape for target in targets):
        raise ValueError(
            f"expected targets of hidden's shape {tuple(hidden.shape)}; got {[tuple(t.shape) for t in targets]}"
        )
    fixed = [target.detach() for target in targets]
    head = None if head_weight is None else head_weight.detach()
    if torch.is_grad_enabled() and hidden.requires_grad:
        result: Tensor = _Divergence.apply(hidden, head, temperature, *fixed)  # type: ignore[no-untyped-call]
        return result
    return _forward(hidden.detach(), head, fixed, temperature, None)


def _forward(
    hidden: Tensor, head: Tensor | None, targets: Sequence[Tensor], temperature: float, slope: Tensor | None
) -> Tensor:
    """The divergences; ``slope`` ``[tokens, width]``, when given, receives their derivatives."""
    out = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
    step = max(1, BLOCK_VALUES // (hidden.shape[1] if head is None else len(head)))
    for start in range(0, len(hidden), step):
        rows = slice(start, start + step)
        logits = _logits(hidden[rows], head, temperature)
        wanted = [_logits(target[rows], head, temperature) for target in targets]
        steep = torch.empty_like(logits) if slope is not None else None
        out[rows] = temperature**2 * _by_rows(logits, wanted, steep)
        if slope is not None and steep is not None:
            slope[rows] = temperature * (steep if head is None else steep @ head).to(slope.dtype)
    return out


def _by_rows(logits: Tensor, wanted: Sequence[Tensor], steep: Tensor | None) -> Tensor:
    """KL of each row, a few rows at a time where they then stay in the cache; ``steep`` receives p − q."""
    out = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
    step = SOFTMAX_ROWS if logits.device.type == "cpu" else max(1, len(logits))
    for start in range(0, len(logits), step):
        rows = slice(start, start + step)
        logs = logits[rows].float().log_softmax(-1)
        mean = wanted[0][rows].float().softmax(-1)
        for other in wanted[1:]:
            mean += other[rows].float().softmax(-1)
        mean /= len(wanted)
        # The smallest float keeps 0 · log 0 at 0 and changes nothing else.
        out[rows] = (mean * (mean.clamp_min(TINY).log_() - logs)).sum(-1)
        if steep is not None:
            steep[rows] = logs.exp_().sub_(mean)
    return out


def _logits(hidden: Tensor, head: Tensor | None, temperature: float) -> Tensor:
    logits = hidden if head is None else hidden @ head.T
    return logits if temperature == 1 else logits / temperature


class _Divergence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor | None, temperature: float, *targets: Tensor
    ) -> Tensor:
        slope = torch.empty_like(hidden, dtype=torch.float32)
        out = _forward(hidden, head, targets, temperature, slope)
        ctx.save_for_backward(slope)
        ctx.dtype, ctx.targets = hidden.dtype, len(targets)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return ((slope * grads[0][:, None]).to(ctx.dtype), None, None, *[None] * ctx.targets)
