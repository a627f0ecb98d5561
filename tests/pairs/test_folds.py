from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import astuple, fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.artifacts.parquet import read_records, write_table
from counterpoise.artifacts.tables import PAIRS
from counterpoise.errors import DataError
from counterpoise.pairs.config import PairsConfig
from counterpoise.pairs.folds import (
    FoldedPair,
    assign_folds,
    context_groups,
    grouped_folds,
    shared_words,
    split_of,
)
from counterpoise.records import CATEGORIES, Pair


def pair(pair_id: int, more: str, less: str, category: str = "gender") -> Pair:
    return Pair(pair_id, category, "stereo", more, less)


def distinct(count: int, category: str) -> list[Pair]:
    words = [category.replace("-", "") + str(n) for n in range(count)]
    return [pair(0, f"She w{w} x{w} y{w} z{w}", f"He w{w} x{w} y{w} z{w}", category) for w in words]


def numbered(pairs: list[Pair]) -> list[Pair]:
    return [Pair(n, p.category, p.direction, p.more, p.less) for n, p in enumerate(pairs)]


def test_context_is_what_both_sentences_share() -> None:
    assert shared_words(pair(0, "The women left.", "The men left!")) == {"the", "left"}


def test_near_duplicates_share_a_group() -> None:
    pairs = [
        pair(0, "Women can not park a big car", "Men can not park a big car"),
        pair(1, "The old man fell down the stairs", "The young man fell down the stairs"),
        # shares {can, not, park, a, car} of {can, not, park, a, big, car}: 5 / 6 >= 0.6
        pair(2, "Girls can not park a car", "Boys can not park a car"),
        # a whole sentence of pair 1 again
        pair(3, "The young man fell down the stairs", "A tall woman"),
    ]
    assert context_groups(pairs, 0.6) == [0, 1, 0, 1]
    assert context_groups(pairs, 0.9) == [0, 1, 2, 1]


def test_folds_are_balanced_by_category_and_never_divide_a_group() -> None:
    pairs = numbered([p for category in CATEGORIES for p in distinct(10, category)])
    twin = pairs[0]
    pairs.append(Pair(len(pairs), twin.category, "stereo", twin.more, "They " + twin.less[3:]))
    config = PairsConfig(folds=5)
    folded = assign_folds(pairs, config, seed=3)
    by_category = Counter((item.category, item.fold) for item in folded[:-1])
    assert all(1 <= by_category[category, fold] <= 3 for category in CATEGORIES for fold in range(5))
    folds_of_group = defaultdict(set)
    for item in folded:
        folds_of_group[item.group].add(item.fold)
    assert folded[-1].group == folded[0].group
    assert all(len(folds) == 1 for folds in folds_of_group.values())
    assert folded == assign_folds(pairs, config, seed=3)
    assert folded != assign_folds(pairs, config, seed=4)


def test_a_folded_pair_is_the_pair_and_a_row_of_its_table(tmp_path: Path) -> None:
    pairs = numbered(distinct(6, "age"))
    folded = assign_folds(pairs, PairsConfig(folds=3), seed=0)
    names = [field.name for field in fields(Pair)]
    assert [[getattr(item, name) for name in names] for item in folded] == [list(astuple(p)) for p in pairs]
    write_table(tmp_path / "pairs.parquet", PAIRS, folded)
    assert read_records(tmp_path / "pairs.parquet", PAIRS, FoldedPair) == folded


def test_notebook_split_has_the_case_studys_sizes() -> None:
    # 1,508 pairs, 20 % held out: ceil(301.6) = 302; of the other 1,206 a tenth, ceil(120.6) = 121.
    pairs = numbered([p for category in CATEGORIES for p in distinct(168, category)])[:1508]
    folded = assign_folds(pairs, PairsConfig(method="notebook", folds=3), seed=42)
    assert Counter(item.fold for item in folded) == {0: 302, 1: 121, 2: 1085}


def test_fewer_contexts_than_folds_is_an_error() -> None:
    with pytest.raises(DataError, match="fewer than 5 folds"):
        assign_folds(numbered(distinct(3, "age")), PairsConfig(folds=5), seed=0)


@given(st.integers(3, 20), st.data())
@settings(max_examples=50)
def test_exactly_one_test_and_one_validation_fold(folds: int, data: st.DataObject) -> None:
    evaluated = data.draw(st.integers(0, folds - 1))
    parts = Counter(split_of(fold, evaluated, folds) for fold in range(folds))
    assert parts == {"test": 1, "validation": 1, "train": folds - 2}


def test_config_refuses_folds_that_do_not_exist() -> None:
    for wrong in ((5,), (), (0, 0), (-1,)):
        with pytest.raises(ValueError, match="expected distinct folds from 0 to 3"):
            PairsConfig(evaluate=wrong)


def test_leaving_one_category_out_makes_a_fold_of_each() -> None:
    pairs = numbered([p for name in CATEGORIES for p in distinct(2, name)])
    config = PairsConfig(method="leave-one-category-out", folds=9)
    assert [item.fold for item in assign_folds(pairs, config, 0)] == [n for n in range(9) for _ in range(2)]
    with pytest.raises(ValueError, match="needs folds = 9"):
        PairsConfig(method="leave-one-category-out")


def four_contexts() -> list[Pair]:
    """Contexts of 16, 8, 8 and 4 pairs: more than a fold's share in one group, as own templates have."""
    places = {"a b c d e f": 16, "g h i j k l": 8, "m n o p q r": 8, "s t u v w x": 4}
    return numbered(
        [
            pair(0, f"old {words} {number}", f"young {words} {number}", "age")
            for words, count in places.items()
            for number in range(count)
        ]
    )


@pytest.mark.parametrize("seed", range(5))
def test_few_contexts_still_fill_every_fold(seed: int) -> None:
    pairs = four_contexts()
    folded = assign_folds(pairs, PairsConfig(folds=4, evaluate=(0, 1, 2, 3)), seed)
    assert sorted(Counter(item.fold for item in folded).values()) == [4, 8, 8, 16]
    assert len({(item.group, item.fold) for item in folded}) == 4
    with pytest.raises(DataError, match="4 independent contexts, fewer than 5 folds"):
        assign_folds(pairs, PairsConfig(folds=5), seed)


@pytest.mark.parametrize("each", [1, 2, 3])
def test_fewer_pairs_a_category_than_folds(each: int) -> None:
    pairs = numbered([one for category in CATEGORIES for one in distinct(each, category)])
    folded = assign_folds(pairs, PairsConfig(folds=4), seed=0)
    sizes = Counter(item.fold for item in folded)
    assert sorted(sizes) == [0, 1, 2, 3]
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for category in CATEGORIES:
        assert max(Counter(item.fold for item in folded if item.category == category).values()) == 1


@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    folds=st.integers(3, 6),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_grouped_folds_are_whole_and_never_empty(counts: list[int], folds: int, seed: int) -> None:
    groups = [group for group, count in enumerate(counts) for _ in range(count)]
    pairs = [pair(n, f"a {n}", f"b {n}", CATEGORIES[group % 4]) for n, group in enumerate(groups)]
    found = grouped_folds(pairs, groups, folds, seed)
    assert len(set(found)) == min(folds, len(counts))
    assert len(set(zip(groups, found, strict=True))) == len(counts)


def test_what_is_held_out_must_exist() -> None:
    pairs = numbered([*distinct(6, CATEGORIES[0]), *distinct(6, CATEGORIES[2])])
    config = PairsConfig(method="leave-one-category-out", folds=len(CATEGORIES), evaluate=(0,))
    with pytest.raises(DataError, match=f"no pair to validate on, {CATEGORIES[1]} of 12 pairs is empty"):
        assign_folds(pairs, config, seed=0)
    with pytest.raises(DataError, match=f"no pair to evaluate on, {CATEGORIES[3]}"):
        assign_folds(pairs, config.model_copy(update={"evaluate": (3,)}), seed=0)
    with pytest.raises(DataError, match="3 pairs are too few for method = 'notebook'"):
        assign_folds(pairs[:3], PairsConfig(method="notebook", folds=3, evaluate=(0,)), seed=0)
    for count in range(4, 12):
        folded = assign_folds(pairs[:count], PairsConfig(method="notebook", folds=3, evaluate=(0,)), seed=0)
        assert {item.fold for item in folded} == {0, 1, 2}
