"""How far an adapter moves the model on text that the base wrote itself: the price of whatever it learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from counterpoise.likelihood.divergence import divergence
from counterpoise.likelihood.encoding import encode_continuations, own_prefix
from counterpoise.likelihood.fast_path import fast_path
from counterpoise.likelihood.forward import causal_of, own_logits
from counterpoise.models.loading import LoadedModel
from counterpoise.neutral.records import Divergence, OwnText
from counterpoise.records import Generation

ROWS = 16


def own_text_divergence(loaded: LoadedModel, texts: Sequence[OwnText]) -> float:
    """Mean KL(base ‖ tuned) over every token that the base wrote, nats a token; the adapter as it is now.

    Raises:
        ValueError: no text.
    """
    found = own_text_divergences(loaded, texts)
    if not found:
        raise ValueError("no text of the base's own to compare on")
    return sum(row.nats for row in found) / sum(row.tokens for row in found)


@torch.no_grad()
def own_text_divergences(loaded: LoadedModel, texts: Sequence[OwnText]) -> list[Divergence]:
    """KL(base ‖ tuned) on each text, over the tokens that the base wrote; in the order of the texts' numbers."""
    if not texts:
        return []
    rows: list[Divergence] = []
    plain = fast_path(loaded.model, max(len(text.tokens) for text in texts)).way.head
    head = causal_of(loaded.model).get_output_embeddings().weight if plain else None
    for group, ids, own in _batches(texts, loaded.device):
        now = _states(loaded.model, plain, ids, own)
        with loaded.model.disable_adapter():
            before = _states(loaded.model, plain, ids, own)
        sizes = own.sum(1).tolist()
        of_texts = torch.split(divergence(now, head, [before]).double(), sizes)
        rows += [
            Divergence(text.text_id, float(nats.sum()), size)
            for text, nats, size in zip(group, of_texts, sizes, strict=True)
        ]
    return sorted(rows, key=lambda row: row.text_id)


def read_again(tokenizer: Any, written: Sequence[Generation], most: int) -> list[OwnText]:
    """Continuations of the base as texts to compare on, evenly from all of them; those without a word are left out.

    Args:
        most: so many at the most.
    """
    told = [row for row in written if row.text.strip()]
    chosen = told[:: max(1, -(-len(told) // most))]
    encoded = encode_continuations(
        tokenizer, [(row.prompt, row.text) for row in chosen], own_prefix(tokenizer)
    )
    return [
        OwnText(number, "guard", False, row.prompt, row.text, one.ids, one.first)
        for number, (row, one) in enumerate(zip(chosen, encoded, strict=True))
    ]


def _batches(
    texts: Sequence[OwnText], device: torch.device
) -> Iterator[tuple[Sequence[OwnText], Tensor, Tensor]]:
    """Texts of similar length, right-padded ids ``[rows, width]``, and which places predict a token of the base's."""
    ordered = sorted(texts, key=lambda text: (len(text.tokens), text.text_id))
    for start in range(0, len(ordered), ROWS):
        group = ordered[start : start + ROWS]
        width = max(len(text.tokens) for text in group)
        ids = torch.zeros(len(group), width, dtype=torch.long)
        own = torch.zeros(len(group), width, dtype=torch.bool)
        for row, text in enumerate(group):
            ids[row, : len(text.tokens)] = torch.tensor(text.tokens)
            own[row, text.start - 1 : len(text.tokens) - 1] = True
        yield group, ids.to(device), own.to(device)


def _states(model: Any, plain: bool, ids: Tensor, own: Tensor) -> Tensor:
    """Hidden states where the output head is a plain product, else the model's own logits."""
    if not plain:
        return own_logits(model, input_ids=ids)[own]
    found: Tensor = causal_of(model).base_model(input_ids=ids, use_cache=False).last_hidden_state
    return found[own]
