"""Token sequences packed into prefix trees, so that a shared beginning is computed once.

The two sentences of a pair share a sixth of their tokens. Trees stand side by side in the rows of a batch: a row's
nodes are input tokens, a node attends to its ancestors and itself, and its position is its depth. Under a causal
model each node then has exactly the hidden state it would have in its own sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MIN_SHARED = 3
"""Shared input tokens from which two sequences are put into one tree: fewer would not pay for the wider
attention."""
ROW = 64
"""Rows are planned for a multiple of so many nodes: enough that trees fill them to a few percent, and few enough that
attention, which takes the square of it, stays a small part of the work. Rows of one length give batches of one shape,
which matrix products like best."""
MAX_NODES = 192
"""A tree takes no further sequence beyond this."""

Ids = tuple[int, ...]


@dataclass(slots=True)
class Tree:
    """A prefix tree over the inputs of some sequences, or several side by side.

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

    def join(self, tree: Tree) -> None:
        """Put ``tree`` beside those in this row; if it begins with the row's first token, that is held once."""
        shared = int(self.tokens[:1] == tree.tokens[:1])
        start = len(self) - shared
        self.tokens += tree.tokens[shared:]
        self.depths += tree.depths[shared:]
        self.paths += [[node if node < shared else node + start for node in path] for path in tree.paths]
        self.sequences += tree.sequences


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


def batches(trees: Iterable[Tree], token_budget: int, *, share: bool = True) -> list[list[Tree]]:
    """Rows of similar length together, so that rows × longest row stays within ``token_budget``.

    A row longer than the budget gets a batch of its own. The order depends on the trees alone.

    Args:
        share: False leaves every tree in a row of its own.
    """
    result: list[list[Tree]] = []
    for row in sorted(_rows(trees) if share else trees, key=lambda row: (len(row), row.sequences)):
        if result and (len(result[-1]) + 1) * len(row) <= token_budget:
            result[-1].append(row)
        else:
            result.append([row])
    return result


def _rows(trees: Iterable[Tree]) -> list[Tree]:
    """The trees in rows: each, the largest first, where it leaves the least room (best-fit decreasing)."""
    rows: list[Tree] = []
    open_rows: list[list[Tree]] = [[] for _ in range(ROW)]  # by the nodes that they have room for
    for tree in sorted(trees, key=lambda tree: (-len(tree), tree.sequences)):
        row = _best_fit(tree, open_rows)
        if row is None:
            row = Tree()
            rows.append(row)
        row.join(tree)
        open_rows[-len(row) % ROW].append(row)
    return rows


def _best_fit(tree: Tree, open_rows: Sequence[list[Tree]]) -> Tree | None:
    """Take the row out of ``open_rows`` that ``tree`` fills best, if there is one."""
    for room in range(len(tree) - 1, len(open_rows)):
        if open_rows[room]:
            row = open_rows[room][-1]
            if len(tree) - int(row.tokens[0] == tree.tokens[0]) <= room:
                return open_rows[room].pop()
    return None


def _fits(tree: Tree, sequence: Ids, shared: int) -> bool:
    """Whether ``sequence`` may join: a tree longer than a row must save more than it adds."""
    added = len(sequence) - 1 - shared
    nodes = len(tree) + added
    return nodes <= ROW or (nodes <= MAX_NODES and added <= shared)


def shared_inputs(first: Sequence[int], second: Sequence[int]) -> int:
    """Length of the common beginning of two sequences' inputs (all tokens but the last)."""
    shared = 0
    for a, b in zip(first[:-1], second[:-1], strict=False):
        if a != b:
            break
        shared += 1
    return shared
