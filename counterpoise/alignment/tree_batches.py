"""Pairs as prefix trees: what the two sentences of a pair share is computed once.

Training batches keep their pairs, whose trees differ in size; several trees share a row, so that little is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from counterpoise.alignment.batches import EncodedPair, TokenBatch, aligned_tokens, places, shared_tokens
from counterpoise.likelihood.forward import tree_inputs
from counterpoise.likelihood.trees import Tree, shared_inputs

ROW = 96
"""Nodes that training puts into one row at most, if no single tree has more: attention takes the square of it."""

Row = Sequence[EncodedPair]
"""Pairs whose trees stand side by side in one row."""


def packed_batch(pairs: Sequence[EncodedPair]) -> TokenBatch:
    """One batch of all ``pairs``, in as many rows as leave the least padding; names in the order of the rows."""
    by_size = sorted(((_nodes(pair), pair) for pair in pairs), key=lambda item: (-item[0], item[1].name))
    rows = min(_packings(by_size), key=_padded)
    return _batch([[pair for _, pair in row] for row in rows])


def _packings(by_size: Sequence[tuple[int, EncodedPair]]) -> Iterator[list[list[tuple[int, EncodedPair]]]]:
    """Ways to put trees into rows: each tree, the largest first, goes where there is most room."""
    limit = max(ROW, by_size[0][0])
    for count in range(len(by_size), 0, -1):
        rows: list[list[tuple[int, EncodedPair]]] = [[] for _ in range(count)]
        for item in by_size:
            min(rows, key=_filled).append(item)
        if max(map(_filled, rows)) > limit:
            return
        yield rows


def _filled(row: Sequence[tuple[int, EncodedPair]]) -> int:
    return sum(size for size, _ in row)


def _padded(rows: Sequence[Sequence[tuple[int, EncodedPair]]]) -> int:
    return len(rows) * max(map(_filled, rows))


def _nodes(pair: EncodedPair) -> int:
    """Nodes of the pair's tree: the inputs of both sequences, what they share once."""
    chosen, rejected = _sequences(pair)
    return len(chosen) + len(rejected) - 2 - shared_inputs(chosen, rejected)


def _sequences(pair: EncodedPair) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return pair.prompt + pair.chosen, pair.prompt + pair.rejected


def _tree(row: Row) -> Tree:
    """The row's trees in one: chosen and rejected of one pair after the other."""
    tree = Tree()
    for pair in row:
        chosen, rejected = _sequences(pair)
        tree.add(chosen, 0)
        tree.add(rejected, shared_inputs(chosen, rejected))
    return tree


def _batch(rows: Sequence[Row]) -> TokenBatch:
    trees = [_tree(row) for row in rows]
    inputs = tree_inputs(trees)
    width = inputs["input_ids"].shape[1]
    # What one position predicts for both sentences alike goes through the output head once.
    wanted: dict[tuple[int, int], int] = {}
    members: list[int] = []
    counts: list[int] = []
    for side in (0, 1):
        for number, (row, tree) in enumerate(zip(rows, trees, strict=True)):
            for pair, path, sequence in zip(row, tree.paths[side::2], tree.sequences[side::2], strict=True):
                start = pair.first
                keys = [
                    (number * width + node, token)
                    for node, token in zip(path[start - 1 :], sequence[start:], strict=True)
                ]
                members += [wanted.setdefault(key, len(wanted)) for key in keys]
                counts.append(len(keys))
    positions, targets = torch.tensor(list(wanted)).T
    return TokenBatch(
        names=tuple(pair.name for row in rows for pair in row),
        input_ids=inputs["input_ids"],
        positions=positions,
        targets=targets,
        counts=torch.tensor(counts),
        members=torch.tensor(members),
        shared=shared_tokens([pair for row in rows for pair in row]),
        aligned=places(list(_aligned(rows, trees, width))),
        position_ids=inputs["position_ids"],
        attention_mask=inputs["attention_mask"],
    )


def _aligned(rows: Sequence[Row], trees: Sequence[Tree], width: int) -> Iterator[tuple[int, int]]:
    """The places that predict the same token in both sentences of a pair, after their first difference."""
    for number, (row, tree) in enumerate(zip(rows, trees, strict=True)):
        for pair, chosen, rejected in zip(row, tree.paths[::2], tree.paths[1::2], strict=True):
            for at, other in aligned_tokens(pair):
                yield number * width + chosen[at - 1], number * width + rejected[other - 1]
