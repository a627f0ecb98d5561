"""Preferences as token batches whose composition never changes, so padding cannot differ between passes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import DataError
from counterpoise.likelihood.encoding import common_lead, prefix_ids
from counterpoise.likelihood.pairs import shared_positions
from counterpoise.neutral.records import OwnText
from counterpoise.records import Preference

if TYPE_CHECKING:
    from counterpoise.alignment.config import AlignmentConfig
    from counterpoise.alignment.inputs import TrainingInputs

_LOG = logging.getLogger(__name__)
OWN_TEXT_ROWS = 12
"""Texts of the base's own beside each batch of pairs."""


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """Two completions of one prompt as token ids; the prompt starts with the prefix token, if there is one."""

    name: str
    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]

    @property
    def first(self) -> int:
        """Index of the first scored token in either sequence: nothing predicts the very first."""
        return max(1, len(self.prompt))

    @property
    def tokens(self) -> int:
        """Length of the longer sequence."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Right-padded rows and the places whose next token is scored.

    A row is a sequence: under causal attention no real token sees the padding behind it, so no attention mask is
    needed. Or it is a tree of sequences with a common beginning (:mod:`counterpoise.alignment.tree_batches`).

    Attributes:
        names: what each sequence (or, in pair batches, each pair) is.
        input_ids: ``[rows, length]`` int64.
        positions: indices into the flattened ``[rows × length]`` hidden states that predict a scored
            token, ``[scored]`` int64, ascending unless rows are trees.
        targets: the tokens they predict, ``[scored]`` int64.
        counts: scored tokens of each sequence, ``[sequences]`` int64.
        members: trees only: the scored tokens of one sequence after the other, as indices into ``targets``.
        shared: pair batches only: of the scored tokens of one sequence after the other, which both of the pair have
            (:func:`counterpoise.likelihood.pairs.shared_positions`), bool.
        aligned: pair batches only: the places that predict a token which both have after their first difference, in
            chosen and in rejected; indices as ``positions``, ``[2, aligned]`` int64.
        position_ids, attention_mask: trees only: ``[rows, length]`` int64 and ``[rows, 1, length, length]`` bool.
    """

    names: tuple[str, ...]
    input_ids: Tensor
    positions: Tensor
    targets: Tensor
    counts: Tensor
    members: Tensor | None = None
    shared: Tensor | None = None
    aligned: Tensor | None = None
    position_ids: Tensor | None = None
    attention_mask: Tensor | None = None

    def to(self, device: torch.device) -> TokenBatch:
        """The same batch on ``device``."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in held.items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def encode_preferences(
    preferences: Sequence[Preference],
    tokenizer: Any,
    *,
    append_eos: bool,
    max_tokens: int,
    prefix: str = "bos",
) -> list[EncodedPair]:
    """Token ids of each preference, without those whose two sentences are the same ``max_tokens`` tokens.

    The whole sentences are tokenized, and the prompt ends where the tokens of the two sentences and of the
    prompt alone part, so a token that merges across the boundary belongs to the completion.

    Args:
        prefix: as in :func:`counterpoise.likelihood.encoding.prefix_ids`.

    Raises:
        ModelError: the tokenizer has no such prefix.
        DataError: no preference is left.
    """
    start = prefix_ids(tokenizer, prefix)
    end = [int(tokenizer.eos_token_id)] if append_eos else []
    prompts = _token_ids([row.prompt for row in preferences], tokenizer)
    chosen = _token_ids([row.prompt + row.chosen for row in preferences], tokenizer)
    rejected = _token_ids([row.prompt + row.rejected for row in preferences], tokenizer)
    encoded = []
    for row, prompt, good, bad in zip(preferences, prompts, chosen, rejected, strict=True):
        cut = min(common_lead(prompt, good), common_lead(prompt, bad))
        first, second = ([*start, *ids, *end][:max_tokens] for ids in (good, bad))
        cut = min(cut + len(start), len(first) - 1, len(second) - 1)
        encoded.append(
            EncodedPair(row.preference_id, tuple(first[:cut]), tuple(first[cut:]), tuple(second[cut:]))
        )
    return differing(encoded, max_tokens)


def differing(encoded: Sequence[EncodedPair], max_tokens: int) -> list[EncodedPair]:
    """``encoded`` without pairs whose two sequences are equal, which the log names: no model prefers one of them.

    Raises:
        DataError: none is left.
    """
    kept = [pair for pair in encoded if pair.chosen != pair.rejected]
    equal = [pair.name for pair in encoded if pair.chosen == pair.rejected]
    shown = ", ".join(equal[:5]) + (", …" if len(equal) > 5 else "")
    if equal and not kept:
        raise DataError(
            f"all {len(equal)} pairs are equal in their first {max_tokens} tokens: {shown}",
            "raise alignment.optimisation.max_tokens",
        )
    if equal:
        _LOG.warning(
            f"{len(equal)} of {len(encoded)} pairs are left out, equal in their first {max_tokens} tokens "
            f"(alignment.optimisation.max_tokens): {shown}"
        )
    return kept


def pair_groups(pairs: Sequence[EncodedPair], batch_pairs: int, seed: int) -> list[list[EncodedPair]]:
    """About equally long pairs together, ``batch_pairs`` of them.

    Pairs of one length are shuffled by ``seed`` first, so a pair and its counterfactuals do not always meet.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(pairs))
    by_length = sorted((pairs[int(index)] for index in order), key=lambda pair: pair.tokens)
    return [by_length[start : start + batch_pairs] for start in range(0, len(by_length), batch_pairs)]


def training_groups(
    inputs: TrainingInputs, tokenizer: Any, config: AlignmentConfig, seed: int
) -> list[list[EncodedPair]]:
    """The preferences to train on, encoded as ``config`` says, in batches of about equal length.

    Raises:
        ModelError, DataError: as :func:`encode_preferences`.
    """
    encoded = encode_preferences(
        inputs.train,
        tokenizer,
        append_eos=config.loss.append_eos,
        max_tokens=config.optimisation.max_tokens,
        prefix=inputs.prefix,
    )
    return pair_groups(encoded, config.optimisation.batch_pairs, seed)


def pair_batch(group: Sequence[EncodedPair]) -> TokenBatch:
    """A sequence a row: first all chosen ones, then all rejected ones."""
    sides = [[(pair.first, [*pair.prompt, *pair.chosen]) for pair in group]]
    sides.append([(pair.first, [*pair.prompt, *pair.rejected]) for pair in group])
    batch = _token_batch(tuple(pair.name for pair in group), [row for side in sides for row in side])
    width = batch.input_ids.shape[1]
    aligned = [
        (number * width + at - 1, (len(group) + number) * width + other - 1)
        for number, pair in enumerate(group)
        for at, other in aligned_tokens(pair)
    ]
    return replace(batch, shared=shared_tokens(group), aligned=places(aligned))


def places(aligned: Sequence[tuple[int, int]]) -> Tensor:
    """Pairs of places as ``[2, aligned]``, also where there is none."""
    return torch.tensor(aligned, dtype=torch.long).reshape(-1, 2).T


def shared_tokens(group: Sequence[EncodedPair]) -> Tensor:
    """Which scored tokens both sentences of a pair have, for all chosen sequences and then all rejected ones, bool."""
    kept = [_shared(pair) for pair in group]
    return torch.tensor([flag for side in (0, 1) for pair in kept for flag in pair[side]])


def aligned_tokens(pair: EncodedPair) -> list[tuple[int, int]]:
    """Indices of the tokens that both sequences have after their first difference, in chosen and in rejected."""
    chosen, rejected = pair.prompt + pair.chosen, pair.prompt + pair.rejected
    first, second = shared_positions(chosen, rejected)
    lead = common_lead(chosen, rejected)
    both = zip(sorted(first), sorted(second), strict=True)
    return [(at, other) for at, other in both if min(at, other) > lead]


def _shared(pair: EncodedPair) -> tuple[list[bool], list[bool]]:
    chosen, rejected = pair.prompt + pair.chosen, pair.prompt + pair.rejected
    first, second = shared_positions(chosen, rejected)
    start = pair.first
    return (
        [at in first for at in range(start, len(chosen))],
        [at in second for at in range(start, len(rejected))],
    )


def own_text_batches(texts: Sequence[OwnText], seed: int, rows: int = OWN_TEXT_ROWS) -> list[TokenBatch]:
    """The tokens that the base wrote, scored; texts of similar length together, the batches in seeded order."""
    ordered = sorted(texts, key=lambda text: (len(text.tokens), text.text_id))
    groups = [ordered[begin : begin + rows] for begin in range(0, len(ordered), rows)]
    return [
        _token_batch(
            tuple(str(text.text_id) for text in groups[index]),
            [(text.start, list(text.tokens)) for text in groups[index]],
        )
        for index in schedule(len(groups), 1, seed)
    ]


def schedule(batches: int, epochs: int, seed: int) -> list[int]:
    """Which batch each forward pass takes: every batch once an epoch, in an order drawn from ``seed``."""
    return [
        int(index)
        for epoch in range(epochs)
        for index in np.random.default_rng([seed, 1, epoch]).permutation(batches)
    ]


def _token_batch(names: tuple[str, ...], rows: Sequence[tuple[int, list[int]]]) -> TokenBatch:
    """One batch from (index of the first scored token, ids); padding repeats token 0, which nothing reads."""
    length = max(len(ids) for _, ids in rows)
    input_ids = torch.zeros(len(rows), length, dtype=torch.long)
    scored = torch.zeros(len(rows), length, dtype=torch.bool)
    following = torch.zeros(len(rows), length, dtype=torch.long)
    for index, (first, ids) in enumerate(rows):
        input_ids[index, : len(ids)] = torch.tensor(ids)
        scored[index, first - 1 : len(ids) - 1] = True
        following[index, : len(ids) - 1] = torch.tensor(ids[1:])
    positions = scored.flatten().nonzero().squeeze(-1)
    return TokenBatch(names, input_ids, positions, following.flatten()[positions], scored.sum(-1))


def _token_ids(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids
