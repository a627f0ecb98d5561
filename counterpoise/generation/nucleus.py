"""Nucleus sampling whose randomness is handed in, one uniform number a token."""

from __future__ import annotations

import torch
from transformers import LogitsProcessor


class NucleusByInversion(LogitsProcessor):  # type: ignore[misc]
    """Chooses the next token by inverting the nucleus distribution at a given uniform number.

    The nucleus is the smallest set of most probable tokens with mass ≥ ``top_p`` (Holtzman et al. 2020,
    §3.1), among the ``top_k`` most probable. Every other token's score becomes −∞, so that greedy search
    takes the choice.

    Args:
        draws: uniform numbers in [0, 1), ``[batch, max_new_tokens]``; 0 takes the most probable token.
        prompt_length: tokens of the padded prompts, to know how far the continuation is.
    """

    def __init__(
        self, draws: torch.Tensor, prompt_length: int, temperature: float, top_p: float, top_k: int
    ) -> None:
        self.draws, self.prompt_length = draws, prompt_length
        self.temperature, self.top_p, self.top_k = temperature, top_p, top_k

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores ``[batch, vocabulary]`` → the same with one finite entry a row."""
        scaled = scores.float() / self.temperature
        best, tokens = scaled.topk(min(self.top_k, scores.shape[-1]), dim=-1)
        mass = (best - scaled.logsumexp(-1, keepdim=True)).exp()
        mass = torch.where(mass.cumsum(-1) - mass < self.top_p, mass, 0.0)
        reached = mass.cumsum(-1)
        draw = self.draws[:, input_ids.shape[1] - self.prompt_length].to(reached.dtype)
        rank = (reached <= draw[:, None] * reached[:, -1:]).sum(-1, keepdim=True)
        chosen = tokens.gather(-1, rank.clamp(max=tokens.shape[-1] - 1))
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen, 0.0)
