"""Exact per-token log-probabilities that never hold the whole ``[tokens, vocabulary]`` logits.

The output head is frozen while an adapter trains. Then, with hidden state ``h``, head ``W`` and target ``y``,

    log p(y | h) = W[y]·h − logsumexp(W h)          d log p / d h = W[y] − softmax(W h) W

and every loss built on log-probabilities reaches ``h`` only as *scalar per token* × that vector. The forward
pass therefore computes the vector block by block, keeps ``[tokens, width]`` of it, and the backward pass is
one multiplication per row: the 49k-wide logits are made once, in cache-sized blocks, and dropped.

Precision: the matrix product runs in the hidden state's dtype; everything from the logits on is fp32, and the
target's own logit is a fp32 dot product, so that under bf16 its rounding (up to 1/8 nat at |logit| 16–32)
does not enter the result.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MATMUL_ROWS = 256
"""Rows of one head product: enough to amortise packing the head, small enough to stay out of swap."""
MATMUL_CELLS = 1 << 25
"""Logits of one head product at most, 64 MB in bf16: 256 rows of a 49k vocabulary, 128 of a 262k one."""
SOFTMAX_ROWS = 8
"""Rows of one softmax: 8 × 49,152 fp32 values are 1.5 MB, in the cache still."""
SOFTMAX_CELLS = SOFTMAX_ROWS * 49_152
"""Logits of one softmax at most, so that wider vocabularies stay in the cache too."""


def token_log_probs(hidden: Tensor, head_weight: Tensor, targets: Tensor) -> Tensor:
    """Natural-log probability of each target token, differentiable in ``hidden``.

    Args:
        hidden: final hidden states, ``[tokens, width]``, any float dtype.
        head_weight: the bias-less output head (tied or not), ``[vocabulary, width]``, same dtype; it gets
            no gradient: it is frozen under LoRA.
        targets: ids of the tokens to score, ``[tokens]``, int64.

    Returns:
        ``[tokens]`` fp32 (fp64 for fp64 input), nats.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    if hidden.ndim != 2 or targets.shape != hidden.shape[:1] or head_weight.shape[1:] != hidden.shape[1:]:
        raise ValueError(
            "expected hidden [tokens, width], head [vocabulary, width], targets [tokens]; got "
            f"{tuple(hidden.shape)}, {tuple(head_weight.shape)}, {tuple(targets.shape)}"
        )
    if torch.is_grad_enabled() and hidden.requires_grad:
        result: Tensor = _TokenLogProbs.apply(hidden, head_weight.detach(), targets)  # type: ignore[no-untyped-call]
        return result
    return _forward(hidden.detach(), head_weight.detach(), targets, None)


def _forward(hidden: Tensor, head: Tensor, targets: Tensor, slope: Tensor | None) -> Tensor:
    """Log-probabilities; ``slope`` ``[tokens, width]``, when given, receives d log p / d hidden."""
    wide = torch.promote_types(hidden.dtype, torch.float32)
    out = torch.empty(len(hidden), dtype=wide, device=hidden.device)
    # One block for all: a fresh one each time would be fresh pages each time.
    step = min(MATMUL_ROWS, max(1, MATMUL_CELLS // len(head)))
    block = hidden.new_empty(min(step, len(hidden)), len(head))
    for start in range(0, len(hidden), step):
        rows = slice(start, start + step)
        target_head = head[targets[rows]].to(wide)
        target_logit = (hidden[rows].to(wide) * target_head).sum(-1)
        logits = torch.mm(hidden[rows], head.T, out=block[: len(target_head)])
        normaliser = _exponentiate(logits, wide, keep=slope is not None)
        out[rows] = target_logit - normaliser
        if slope is not None:
            torch.sub(target_head, (logits @ head).to(wide), out=slope[rows])
    return out


def _exponentiate(logits: Tensor, wide: torch.dtype, *, keep: bool) -> Tensor:
    """Log-sum-exp of each row, ``[rows]``; with ``keep``, ``logits`` is overwritten by its softmax."""
    result = torch.empty(len(logits), dtype=wide, device=logits.device)
    cached = min(SOFTMAX_ROWS, max(1, SOFTMAX_CELLS // logits.shape[1]))
    step = cached if logits.device.type == "cpu" else len(logits)
    for start in range(0, len(logits), step):
        rows = slice(start, start + step)
        block = logits[rows].to(wide)
        # logsumexp(x) = x₀ − log softmax(x)₀, and of the two log_softmax is the fused one.
        logs = block.log_softmax(-1)
        result[rows] = block[:, 0] - logs[:, 0]
        if keep:
            logits[rows] = logs.exp_()
    return result


class _TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        wide = torch.promote_types(hidden.dtype, torch.float32)
        slope = torch.empty_like(hidden, dtype=wide)
        out = _forward(hidden, head, targets, slope)
        ctx.save_for_backward(slope)
        ctx.dtype = hidden.dtype
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return (slope * grads[0][:, None]).to(ctx.dtype), None, None
