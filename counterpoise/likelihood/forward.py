"""The forward pass behind every log-probability, in the ways that it can be done.

The plain way is the model's own: one sentence a pass, its own logits. The others save work and give the same
numbers only if the model lets them; :mod:`counterpoise.likelihood.fast_path` finds out which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import torch
from torch import Tensor

from counterpoise.likelihood.token_log_probs import token_log_probs
from counterpoise.likelihood.trees import Ids, Tree, batches, grow
from counterpoise.memory import in_halves

Rows = Literal["trees", "padded", "equal", "single"]
_LOGIT_ROWS = 64


@dataclass(frozen=True, slots=True)
class Way:
    """How sentences go through a model.

    Attributes:
        rows: a batch is made of ``trees`` with shared beginnings, of rows ``padded`` on the right, of rows of
            ``equal`` length, or is a ``single`` sentence.
        head: whether the output head's weight is multiplied here, only where a token is scored, in place of
            the model's own logits.
    """

    rows: Rows
    head: bool = False

    def __str__(self) -> str:
        rows = {
            "trees": "prefix trees",
            "padded": "padded batches",
            "equal": "batches of equal length",
            "single": "one sentence a pass",
        }
        return f"{rows[self.rows]}, {'output head alone' if self.head else 'the model’s own logits'}"


WAYS = (
    Way("trees", head=True),
    Way("padded", head=True),
    Way("trees"),
    Way("padded"),
    Way("equal"),
    Way("single"),
)
"""The fastest first; the last is the model itself."""
PLAIN = WAYS[-1]


def planned(way: Way, sequences: Iterable[Ids], token_budget: int) -> list[list[Tree]]:
    """The batches in which the distinct ``sequences`` of two tokens or more go through the model."""
    share = way.rows == "trees"
    forest = grow(sequences, share=share)
    if way.rows in ("trees", "padded"):
        return batches(forest, token_budget, share=share)
    if way.rows == "single":
        return [[tree] for tree in forest]
    same = groupby(sorted(forest, key=lambda tree: (len(tree), tree.sequences)), key=len)
    return [batch for _, alike in same for batch in batches(alike, token_budget, share=False)]


def batch_log_probs(model: Any, way: Way, group: Sequence[Tree]) -> Iterator[tuple[Ids, list[float]]]:
    """log p of each sequence's tokens but the first, nats; the batch is halved where memory is too small.

    Args:
        model: a ``transformers`` causal model, or the ``PeftModel`` around one.
    """
    yield from in_halves(group, lambda part: list(_log_probs_of(model, way, part).items()))


@torch.inference_mode()
def _log_probs_of(model: Any, way: Way, group: Sequence[Tree]) -> dict[Ids, list[float]]:
    inputs = {name: values.to(model.device) for name, values in _inputs(way, group).items()}
    width = inputs["input_ids"].shape[1]
    # What one position predicts for several sequences alike goes through the output head once.
    wanted: dict[tuple[int, int], int] = {}
    chosen: dict[Ids, list[int]] = {}
    for row, tree in enumerate(group):
        for sequence, path in zip(tree.sequences, tree.paths, strict=True):
            keys = [(row * width + node, token) for node, token in zip(path, sequence[1:], strict=True)]
            chosen[sequence] = [wanted.setdefault(key, len(wanted)) for key in keys]
    place, target = torch.tensor(list(wanted), device=model.device).T
    values = predicted(model, way, inputs, place, target).tolist()
    return {sequence: [values[index] for index in indices] for sequence, indices in chosen.items()}


def predicted(model: Any, way: Way, inputs: dict[str, Tensor], place: Tensor, target: Tensor) -> Tensor:
    """log p of ``target`` at flattened input position ``place``, both ``[n]``; fp32 ``[n]``, nats."""
    if way.head:
        causal = causal_of(model)
        hidden = causal.base_model(**inputs, use_cache=False).last_hidden_state
        return token_log_probs(hidden.flatten(0, 1)[place], causal.get_output_embeddings().weight, target)
    return gathered(own_logits(model, **inputs).flatten(0, 1), place, target)


def gathered(logits: Tensor, place: Tensor, target: Tensor) -> Tensor:
    """log p of ``target`` at row ``place`` of ``logits`` ``[rows, vocabulary]``; fp32 ``[n]``, nats; differentiable."""
    chosen = []
    for start in range(0, len(place), _LOGIT_ROWS):
        rows = slice(start, start + _LOGIT_ROWS)
        log_probs = logits[place[rows]].float().log_softmax(-1)
        chosen.append(log_probs.gather(-1, target[rows, None]).squeeze(-1))
    return torch.cat(chosen)


def own_logits(model: Any, **inputs: Tensor) -> Tensor:
    """What the model itself returns, ``[rows, length, vocabulary]``."""
    try:
        logits: Tensor = model(**inputs, use_cache=False).logits
    except TypeError:  # a model without a cache to switch off
        logits = model(**inputs).logits
    return logits


def causal_of(model: Any) -> Any:
    """The causal language model itself, out of the PEFT wrapper; an active adapter stays active."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def embeddings(model: Any) -> int:
    """How many token ids the model has an embedding for."""
    return int(causal_of(model).get_input_embeddings().weight.shape[0])


def has_bare_head(model: Any) -> bool:
    """Whether there is an output head whose weight alone may make the logits: a linear layer without a bias."""
    head = causal_of(model).get_output_embeddings()
    return type(head) is torch.nn.Linear and head.bias is None and head.weight.is_floating_point()


def _inputs(way: Way, group: Sequence[Tree]) -> dict[str, Tensor]:
    if way.rows == "trees":
        return tree_inputs(group)
    if way.rows == "padded":
        return row_inputs(group)
    return {"input_ids": torch.tensor([tree.tokens for tree in group])}


def tree_inputs(group: Sequence[Tree]) -> dict[str, Tensor]:
    """Padded ids and positions ``[rows, width]``, and who attends to whom ``[rows, 1, width, width]``."""
    ids, _ = _padded([tree.tokens for tree in group])
    positions, _ = _padded([tree.depths for tree in group])
    # Padding attends to itself alone: a row that attends to nothing would be NaN.
    mask = torch.eye(ids.shape[1], dtype=torch.bool).repeat(len(group), 1, 1)
    causal = torch.ones_like(mask[0]).tril()
    for row, tree in enumerate(group):
        for path in tree.paths:
            at = torch.tensor(path)
            mask[row, at[:, None], at] |= causal[: len(path), : len(path)]
    return {"input_ids": ids, "position_ids": positions, "attention_mask": mask[:, None]}


def row_inputs(group: Sequence[Tree]) -> dict[str, Tensor]:
    """Right-padded ids ``[rows, width]`` of trees that hold one sequence each.

    What stands to the right of a token cannot change what a causal model makes of it, so no mask is needed.
    """
    return {"input_ids": _padded([tree.tokens for tree in group])[0]}


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The rows padded with 0 on the right, and which cells are their own, both ``[rows, width]``."""
    width = max(map(len, rows))
    lengths = torch.tensor([len(row) for row in rows])
    values = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    return values, torch.arange(width) < lengths[:, None]
