"""Token sequences packed into prefix trees, so that a shared beginning is computed once.

The two sentences of a pair share a sixth of their tokens. A tree is one row of a batch: its nodes are input
tokens, a node attends to its ancestors and itself, and its position is its depth. Under a causal model each
node then has exactly the hidden state it would have in its own sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MIN_SHARED = 3
"""Shared input tokens from which two sequences are put into one tree: fewer would not pay for the wider
attention."""
MAX_NODES = 192
"""A tree takes no further sequence beyond this, which bounds the attention's share of the work."""

Ids = tuple[int, ...]


@dataclass(slots=True)
class Tree:
    """A prefix tree over the inputs of some sequences.

    Attributes:
        tokens: token id of each node.
        depths: distance of each node from its root: its position.
        paths: for each sequence, the nodes of its inputs, in order; the last one predicts its last token.
        sequences: the sequences themselves.
    """

    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    paths: list[list[int]] = field(default_factory=list)
    sequences: list[Ids] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, sequence: Ids, shared: int) -> None:
        """Add ``sequence``, whose first ``shared`` inputs are those of the sequence added last."""
        path = self.paths[-1][:shared] if self.paths else []
        for depth in range(shared, len(sequence) - 1):
            self.depths.append(depth)
            path.append(len(self.tokens))
            self.tokens.append(sequence[depth])
        self.paths.append(path)
        self.sequences.append(sequence)


def grow(sequences: Iterable[Ids], *, share: bool = True) -> list[Tree]:
    """Trees over the distinct ``sequences`` of two tokens or more, independent of their order.

    Lexicographic order puts sequences with a common beginning side by side.

    Args:
        share: False puts every sequence into a row of its own.
    """
    trees: list[Tree] = []
    last: Ids = ()
    for sequence in sorted({ids for ids in sequences if len(ids) > 1}):
        shared = shared_inputs(last, sequence)
        if not (share and trees and shared >= MIN_SHARED and _fits(trees[-1], sequence, shared)):
            trees.append(Tree())
            shared = 0
        trees[-1].add(sequence, shared)
        last = sequence
    return trees


def batches(trees: Iterable[Tree], token_budget: int) -> list[list[Tree]]:
    """Trees of similar size together, so that rows × longest row stays within ``token_budget``.

    A tree larger than the budget gets a batch of its own. The order depends on the trees alone.
    """
    result: list[list[Tree]] = []
    for tree in sorted(trees, key=lambda tree: (len(tree), tree.sequences)):
        if result and (len(result[-1]) + 1) * len(tree) <= token_budget:
            result[-1].append(tree)
        else:
            result.append([tree])
    return result


def _fits(tree: Tree, sequence: Ids, shared: int) -> bool:
    return len(tree) + len(sequence) - 1 - shared <= MAX_NODES


def shared_inputs(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the common beginning of two sequences' inputs (all tokens but the last)."""
    shared = 0
    for a, b in zip(first[:-1], second[:-1], strict=False):
        if a != b:
            break
        shared += 1
    return shared
