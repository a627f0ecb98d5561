"""Validation pairs as batches of prefix trees: what the two sentences of a pair share is computed once.

Training keeps plain rows: its batches are sorted by sentence length, and in those a tree would save no padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from counterpoise.alignment.batches import EncodedPair, TokenBatch
from counterpoise.likelihood.config import TOKEN_BUDGET
from counterpoise.likelihood.sentences import tree_inputs
from counterpoise.likelihood.trees import Tree, shared_inputs

Grown = tuple[EncodedPair, Tree]


def tree_batches(pairs: Sequence[EncodedPair], token_budget: int = TOKEN_BUDGET) -> list[TokenBatch]:
    """Batches with one tree a row, trees of similar size together, rows × longest row within the budget.

    As in :func:`counterpoise.alignment.batches.pair_batches`, first all chosen sequences, then all rejected ones.
    """
    grown = sorted(((pair, _tree(pair)) for pair in pairs), key=lambda item: (len(item[1]), item[0].name))
    groups: list[list[Grown]] = []
    for item in grown:
        if groups and (len(groups[-1]) + 1) * len(item[1]) <= token_budget:
            groups[-1].append(item)
        else:
            groups.append([item])
    return [_batch(group) for group in groups]


def _tree(pair: EncodedPair) -> Tree:
    chosen, rejected = (pair.prompt + completion for completion in (pair.chosen, pair.rejected))
    tree = Tree()
    tree.add(chosen, 0)
    tree.add(rejected, shared_inputs(chosen, rejected))
    return tree


def _batch(group: Sequence[Grown]) -> TokenBatch:
    inputs = tree_inputs([tree for _, tree in group])
    width = inputs["input_ids"].shape[1]
    # What one position predicts for both sentences alike goes through the output head once.
    wanted: dict[tuple[int, int], int] = {}
    members: list[int] = []
    counts: list[int] = []
    for side in (0, 1):
        for row, (pair, tree) in enumerate(group):
            nodes, tokens = tree.paths[side][len(pair.prompt) - 1 :], tree.sequences[side][len(pair.prompt) :]
            keys = [(row * width + node, token) for node, token in zip(nodes, tokens, strict=True)]
            members += [wanted.setdefault(key, len(wanted)) for key in keys]
            counts.append(len(keys))
    positions, targets = torch.tensor(list(wanted)).T
    return TokenBatch(
        names=tuple(pair.name for pair, _ in group),
        input_ids=inputs["input_ids"],
        positions=positions,
        targets=targets,
        counts=torch.tensor(counts),
        members=torch.tensor(members),
        position_ids=inputs["position_ids"],
        attention_mask=inputs["attention_mask"],
    )
