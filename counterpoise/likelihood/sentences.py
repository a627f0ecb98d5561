"""Log-probability of whole sentences under a causal language model.

For a sentence of tokens y₁ … yₙ after the prefix token y₀: log p(y) = Σᵢ log p(yᵢ | y₀ … yᵢ₋₁), natural log.
Without a prefix y₁ has nothing to be conditioned on and is left out. From the logits on everything is fp32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.likelihood.encoding import Encoded, check_lengths, encode, encode_continuations
from counterpoise.likelihood.token_log_probs import token_log_probs
from counterpoise.likelihood.trees import Ids, Tree, batches, grow
from counterpoise.memory import in_halves
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Progress, silent

SHARES_PREFIXES = frozenset({"gpt2", "gpt_neox", "llama", "mistral", "opt", "phi3", "qwen2", "qwen3"})
"""Architectures whose attention takes mask and positions from the arguments alone (each has a test). Others
get one sentence a row."""
_LOGIT_OPTIONS = ("final_logit_softcapping", "logit_scale", "logits_scaling")
_LOGIT_ROWS = 64


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """One sentence's log-probability.

    Attributes:
        sum_log_prob: Σ log p over the scored tokens, nats.
        tokens: how many tokens are scored.
        token_ids: the scored tokens; with prefix ``none`` the sentence's first token is not among them.
        token_log_probs: log p of each of them, nats.
    """

    sum_log_prob: float
    tokens: int
    token_ids: tuple[int, ...]
    token_log_probs: tuple[float, ...]


def score_sentences(
    loaded: LoadedModel,
    texts: Sequence[str],
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[SentenceScore]:
    """Log-probability of each text, in input order.

    Equal texts are scored once, common beginnings are computed once, and rows of similar length share a
    batch. The batches depend on the set of texts alone, not on their order.

    Args:
        loaded: the model, its adapter switched as wanted.
        prefix: ``bos``, ``eos``, ``none`` or the literal text of one token; see :func:`encode`.
        token_budget: tokens of one forward pass, padding included; a pass that does not fit the memory is halved.
        progress: told of distinct texts done and in all.

    Raises:
        ModelError: the tokenizer lacks the prefix token.
        DataError: a text has more tokens than the model has positions.
    """
    encoded = encode(loaded.tokenizer, texts, prefix)
    return _score_encoded(loaded, encoded, token_budget, progress)


def score_continuations(
    loaded: LoadedModel,
    continuations: Sequence[tuple[str, str]],
    *,
    prefix: str = "bos",
    token_budget: int = TOKEN_BUDGET,
    progress: Progress = silent,
) -> list[SentenceScore]:
    """log p(continuation | context) of each (context, continuation), in input order.

    A context that several continuations share is computed once. Arguments and errors as
    :func:`score_sentences`.
    """
    encoded = encode_continuations(loaded.tokenizer, continuations, prefix)
    return _score_encoded(loaded, encoded, token_budget, progress)


def _score_encoded(
    loaded: LoadedModel, encoded: Sequence[Encoded], token_budget: int, progress: Progress
) -> list[SentenceScore]:
    causal = causal_model(loaded)
    check_lengths(encoded, getattr(causal.config, "max_position_embeddings", None))
    share = shares_prefixes(causal)
    forest = grow((row.ids for row in encoded), share=share)
    total = sum(len(tree.sequences) for tree in forest)
    found: dict[Ids, list[float]] = {}
    for group in batches(forest, token_budget, share=share):
        found.update(in_halves(group, lambda part: _score_group(causal, part, loaded.device, share)))
        progress(len(found), total)
    return [_sentence(row, found.get(row.ids, [])) for row in encoded]


def shares_prefixes(model: Any) -> bool:
    """Whether ``model`` (in a ``PeftModel`` or not) reads prefix trees; see :data:`SHARES_PREFIXES`."""
    return model.config.model_type in SHARES_PREFIXES


def causal_model(loaded: LoadedModel) -> Any:
    """The causal language model itself, out of the PEFT wrapper; an active adapter stays active."""
    return loaded.model.get_base_model() if loaded.has_adapter else loaded.model


def _sentence(row: Encoded, log_probs: list[float]) -> SentenceScore:
    """The score of ``row`` from log p of all its ids but the first."""
    scored = log_probs[row.first - 1 :]
    return SentenceScore(math.fsum(scored), len(scored), row.targets, tuple(scored))


def _score_group(
    causal: Any, group: Sequence[Tree], device: torch.device, share: bool
) -> list[tuple[Ids, list[float]]]:
    inputs = (tree_inputs if share else row_inputs)(group)
    inputs = {name: values.to(device) for name, values in inputs.items()}
    return list(_score_batch(causal, group, inputs).items())


@torch.inference_mode()
def _score_batch(causal: Any, group: Sequence[Tree], inputs: dict[str, Tensor]) -> dict[Ids, list[float]]:
    """Token log-probabilities of every sequence of the trees in ``group``."""
    width, device = inputs["input_ids"].shape[1], inputs["input_ids"].device
    # What one position predicts for several sequences alike goes through the output head once.
    wanted: dict[tuple[int, int], int] = {}
    chosen: dict[Ids, list[int]] = {}
    for row, tree in enumerate(group):
        for sequence, path in zip(tree.sequences, tree.paths, strict=True):
            keys = [(row * width + node, token) for node, token in zip(path, sequence[1:], strict=True)]
            chosen[sequence] = [wanted.setdefault(key, len(wanted)) for key in keys]
    place, target = torch.tensor(list(wanted), device=device).T
    values = _log_probs(causal, inputs, place, target).tolist()
    return {sequence: [values[index] for index in indices] for sequence, indices in chosen.items()}


def _log_probs(causal: Any, inputs: dict[str, Tensor], place: Tensor, target: Tensor) -> Tensor:
    """log p of ``target`` at flattened input position ``place``, both ``[n]``; fp32 ``[n]``, nats."""
    head = causal.get_output_embeddings()
    if _is_plain(head, causal.config):
        hidden = causal.base_model(**inputs, use_cache=False).last_hidden_state
        return token_log_probs(hidden.flatten(0, 1)[place], head.weight, target)
    logits = causal(**inputs, use_cache=False).logits.flatten(0, 1)
    chosen = []
    for start in range(0, len(place), _LOGIT_ROWS):
        rows = slice(start, start + _LOGIT_ROWS)
        log_probs = logits[place[rows]].float().log_softmax(-1)
        chosen.append(log_probs.gather(-1, target[rows, None]).squeeze(-1))
    return torch.cat(chosen)


def _is_plain(head: Any, config: Any) -> bool:
    """Whether the logits are nothing but hidden state × head weight."""
    scaled = any(getattr(config, name, None) not in (None, 1, 1.0) for name in _LOGIT_OPTIONS)
    plain = type(head) is torch.nn.Linear and head.bias is None and head.weight.is_floating_point()
    return plain and not scaled


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
    """Right-padded ids and mask ``[rows, width]`` of trees that hold one sequence each."""
    ids, own = _padded([tree.tokens for tree in group])
    return {"input_ids": ids, "attention_mask": own.long()}


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The rows padded with 0 on the right, and which cells are their own, both ``[rows, width]``."""
    width = max(map(len, rows))
    lengths = torch.tensor([len(row) for row in rows])
    values = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    return values, torch.arange(width) < lengths[:, None]
