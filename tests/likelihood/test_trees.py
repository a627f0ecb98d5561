from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterpoise.likelihood.trees import MAX_NODES, ROW, Tree, batches, grow

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
    found = [sequence for group in planned for row in group for sequence in rebuilt(row)]
    assert sorted(found) == sorted({sequence for sequence in sequences if len(sequence) > 1})
    for group in planned:
        assert len(group) == 1 or len(group) * max(map(len, group)) <= budget
        for row in group:
            assert len(row) <= ROW
            for path in row.paths:
                assert [row.depths[node] for node in path] == list(range(len(path)))


def test_trees_side_by_side_share_their_first_token() -> None:
    row = Tree()
    for tree in grow([(9, 1, 2, 3, 4), (9, 1, 2, 5, 6), (9, 7, 8)]):
        row.join(tree)
    # 9 1 2 3, with 5 beside the 3, then 7, which is predicted after the 9 that stands already
    assert row.tokens == [9, 1, 2, 3, 5, 7]
    assert row.depths == [0, 1, 2, 3, 3, 1]
    assert row.paths == [[0, 1, 2, 3], [0, 1, 2, 4], [0, 5]]
    row.join(grow([(3, 3, 3)])[0])
    assert (row.tokens[6:], row.paths[-1]) == ([3, 3], [6, 7])


def test_rows_are_filled_by_the_trees_that_fit_best() -> None:
    """Inputs of 40, 30, 30 and 20 tokens, the first held once: 40 + 19 and 30 + 29 of 64."""
    sequences = [(9, *[kind] * (size - 1), 0) for kind, size in ((1, 40), (2, 30), (3, 30), (4, 20))]
    (group,) = batches(grow(sequences), 4 * ROW)
    assert sorted(map(len, group)) == [59, 59]
    apart = batches(grow(sequences, share=False), 4 * ROW, share=False)
    assert [len(row) for group in apart for row in group] == [20, 30, 30, 40]


def test_a_tree_outgrows_a_row_only_where_that_saves_more_than_it_adds() -> None:
    """60 shared inputs and 10 more join; 40 shared and 60 more do not, nor does any beyond the most nodes."""
    context = (9, *range(10, 69))
    assert [len(tree) for tree in grow([(*context, *[kind] * 11) for kind in (1, 2, 3)])] == [90]
    assert [len(tree) for tree in grow([(*context[:40], *[kind] * 61) for kind in (1, 2)])] == [100, 100]
    assert max(len(tree) for tree in grow([(*context, *[kind] * 51) for kind in range(8)])) <= MAX_NODES


@given(st.lists(st.integers(2, 300), max_size=40))
def test_rows_waste_little_room(sizes: list[int]) -> None:
    """Best fit decreasing leaves at most one row less than half full, long ones aside."""
    sequences = [(9, *[10 + kind] * (size - 1), 0) for kind, size in enumerate(sizes)]
    rows = [row for group in batches(grow(sequences), ROW) for row in group]
    assert sum(len(row) <= ROW // 2 for row in rows) <= 1
