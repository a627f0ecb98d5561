from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import astuple, fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.parquet import read_records, write_table
from artifacts.tables import PAIRS
from counterpoise.errors import DataError
from counterpoise.pairs.config import PairsConfig
from counterpoise.pairs.folds import (
    FoldedPair,
    assign_folds,
    context_groups,
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
