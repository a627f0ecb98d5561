"""How far an adapter moves the model on text that the base wrote itself: the price of whatever it learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from counterpoise.likelihood.divergence import divergence
from counterpoise.likelihood.fast_path import fast_path
from counterpoise.likelihood.forward import causal_of, own_logits
from counterpoise.models.loading import LoadedModel
from counterpoise.neutral.records import OwnText

ROWS = 16


@torch.no_grad()
def own_text_divergence(loaded: LoadedModel, texts: Sequence[OwnText]) -> float:
    """Mean KL(base ‖ tuned) over every token that the base wrote, nats a token; the adapter as it is now.

    Raises:
        ValueError: no text.
    """
    if not texts:
        raise ValueError("no text of the base's own to compare on")
    total, tokens = 0.0, 0
    plain = fast_path(loaded.model, max(len(text.tokens) for text in texts)).way.head
    head = causal_of(loaded.model).get_output_embeddings().weight if plain else None
    for rows in _rows(texts, loaded.device):
        now = _states(loaded.model, plain, *rows)
        with loaded.model.disable_adapter():
            before = _states(loaded.model, plain, *rows)
        found = divergence(now, head, [before])
        total, tokens = total + float(found.double().sum()), tokens + len(found)
    return total / tokens


def _rows(texts: Sequence[OwnText], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Right-padded ids ``[rows, width]`` and which places predict a token of the base's, similar lengths together."""
    ordered = sorted(texts, key=lambda text: (len(text.tokens), text.text_id))
    for start in range(0, len(ordered), ROWS):
        group = ordered[start : start + ROWS]
        width = max(len(text.tokens) for text in group)
        ids = torch.zeros(len(group), width, dtype=torch.long)
        own = torch.zeros(len(group), width, dtype=torch.bool)
        for row, text in enumerate(group):
            ids[row, : len(text.tokens)] = torch.tensor(text.tokens)
            own[row, text.start - 1 : len(text.tokens) - 1] = True
        yield ids.to(device), own.to(device)


def _states(model: Any, plain: bool, ids: Tensor, own: Tensor) -> Tensor:
    """Hidden states where the output head is a plain product, else the model's own logits."""
    if not plain:
        return own_logits(model, input_ids=ids)[own]
    found: Tensor = causal_of(model).base_model(input_ids=ids, use_cache=False).last_hidden_state
    return found[own]
