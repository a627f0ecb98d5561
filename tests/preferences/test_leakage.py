from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.errors import LeakageError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.preferences.build import KEPT
from counterpoise.preferences.leakage import Forbidden, check_leakage, training_sets
from counterpoise.records import Counterfactual, Pair, Preference


def folded(pair_id: int, fold: int) -> FoldedPair:
    return FoldedPair.of(
        Pair(pair_id, "age", "stereo", f"Old {pair_id}.", f"Young {pair_id}."), pair_id, fold
    )


def preference(pair_id: int, fold: int, chosen: str = "", kept: bool = True) -> Preference:
    chosen = chosen or f"Young {pair_id}."
    name = f"{pair_id}/human/age/0"
    return Preference(
        name, pair_id, fold, "age", "age", "human", "", chosen, f"Old {pair_id}.", 0.1, 0.2, kept, KEPT
    )


PAIRS = [folded(0, 0), folded(1, 1), folded(2, 2)]


def test_each_part_gets_its_own_folds() -> None:
    rows = [preference(0, 0), preference(1, 1), preference(2, 2)]
    sets = training_sets(PAIRS, rows, [], evaluated=0, folds=3)
    assert [row.pair_id for row in sets.train] == [2]
    assert [pair.pair_id for pair in sets.validation] == [1]
    assert [pair.pair_id for pair in sets.test] == [0]


def test_dropped_rows_are_not_trained_on() -> None:
    assert training_sets(PAIRS, [preference(2, 2, kept=False)], [], evaluated=0, folds=3).train == ()


def test_sentence_of_a_held_out_pair_or_its_swap_is_held_back() -> None:
    swap = Counterfactual(0, "more", "age", "old>teen", "Old 0.", "Teen 0.", 1, "")
    rows = [preference(2, 2, "YOUNG 0."), preference(2, 2, "Teen 0.")]
    rows[1] = replace(rows[1], preference_id="2/human/age/1")
    sets = training_sets(PAIRS, rows, [swap], evaluated=0, folds=3)
    assert sets.train == ()
    assert len(sets.held_back) == 2


def test_a_row_whose_fold_was_edited_is_an_error() -> None:
    with pytest.raises(LeakageError, match=r"says fold 2, its pair 0 is in fold 0"):
        training_sets(PAIRS, [preference(0, 2)], [], evaluated=0, folds=3)


def test_the_ledger_itself_refuses_overlap() -> None:
    sets = training_sets(PAIRS, [preference(2, 2)], [], evaluated=0, folds=3)
    with pytest.raises(LeakageError, match="trains on held-out"):
        check_leakage(replace(sets, train=(preference(0, 0),)), Forbidden(frozenset()))
    with pytest.raises(LeakageError, match="trains on held-out"):
        check_leakage(sets, Forbidden(frozenset({"young 2."})))


def test_a_context_shared_with_a_held_out_pair_is_held_back_unless_the_split_ignores_contexts() -> None:
    shared = [PAIRS[0], PAIRS[1], replace(PAIRS[2], group=0)]
    rows = [preference(2, 2)]
    sets = training_sets(shared, rows, [], evaluated=0, folds=3)
    assert (sets.train, sets.held_back) == ((), tuple(rows))
    as_notebook = training_sets(shared, rows, [], evaluated=0, folds=3, contexts_apart=False)
    assert as_notebook.train == tuple(rows)


def test_an_unseen_axis_is_not_trained_on_even_from_another_category() -> None:
    rows = [
        preference(2, 2),
        replace(preference(2, 2), preference_id="2/counterfactual/gender/0", axis="gender"),
    ]
    sets = training_sets(PAIRS, rows, [], evaluated=0, folds=3, unseen_axes=frozenset({"gender"}))
    assert [row.axis for row in sets.train] == ["age"]
    assert [row.axis for row in sets.held_back] == ["gender"]
