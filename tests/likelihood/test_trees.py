from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterpoise.likelihood.trees import MAX_NODES, Tree, batches, grow

SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=12).map(tuple), max_size=30)


def test_a_shared_beginning_is_held_once() -> None:
    (tree,) = grow([(9, 1, 2, 3, 4), (9, 1, 2, 5, 6, 7)])
    # inputs 9 1 2 3 and 9 1 2 5 6: the last tokens, 4 and 7, are only predicted
    assert tree.tokens == [9, 1, 2, 3, 5, 6]
    assert tree.depths == [0, 1, 2, 3, 3, 4]
    assert tree.paths == [[0, 1, 2, 3], [0, 1, 2, 4, 5]]


def test_too_little_shared_is_not_joined() -> None:
    assert len(grow([(9, 1, 2, 3), (9, 4, 5, 6)])) == 2
    assert len(grow([(9, 1, 2, 3, 4), (9, 1, 2, 3, 5)], share=False)) == 2


def test_nothing_to_predict_makes_no_tree() -> None:
    assert grow([(), (9,)]) == []


def rebuilt(tree: Tree) -> list[tuple[int, ...]]:
    return [
        tuple(tree.tokens[node] for node in path) + sequence[-1:]
        for path, sequence in zip(tree.paths, tree.sequences, strict=True)
    ]


@given(SEQUENCES)
def test_every_distinct_sequence_can_be_read_back_from_its_path(sequences: list[tuple[int, ...]]) -> None:
    trees = grow(sequences)
    found = [sequence for tree in trees for sequence in rebuilt(tree)]
    assert sorted(found) == sorted({sequence for sequence in sequences if len(sequence) > 1})
    for tree in trees:
        assert len(tree) <= MAX_NODES
        for path in tree.paths:
            assert [tree.depths[node] for node in path] == list(range(len(path)))


@given(SEQUENCES, st.randoms(use_true_random=False), st.integers(4, 64))
def test_batches_keep_the_budget_and_ignore_the_order(sequences, random, budget) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(sequences)
    random.shuffle(shuffled)
    planned = batches(grow(sequences), budget)
    assert planned == batches(grow(shuffled), budget)
    assert sum(map(len, planned)) == len(grow(sequences))
    for group in planned:
        assert len(group) == 1 or len(group) * max(map(len, group)) <= budget
