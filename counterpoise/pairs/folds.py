"""Folds that keep training and evaluation apart: stratified by category, near-duplicates together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from counterpoise.errors import DataError
from counterpoise.records import CATEGORIES, Pair

if TYPE_CHECKING:
    from counterpoise.pairs.config import PairsConfig

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class FoldedPair(Pair):
    """A pair with its fold; the columns of the table ``pairs``.

    Attributes:
        group: smallest ``pair_id`` among the pairs that share its context.
        fold: from 0; every pair of a group has the same.
    """

    group: int
    fold: int

    @classmethod
    def of(cls, pair: Pair, group: int, fold: int) -> Self:
        """``pair`` in its group and fold."""
        return cls(pair.pair_id, pair.category, pair.direction, pair.more, pair.less, group, fold)


def split_of(fold: int, evaluated: int, folds: int) -> Split:
    """The part that ``fold`` plays when ``evaluated`` is held out: the next fold validates, the rest train.

    >>> [split_of(fold, evaluated=4, folds=5) for fold in range(5)]
    ['validation', 'train', 'train', 'train', 'test']
    """
    if fold == evaluated:
        return "test"
    return "validation" if fold == (evaluated + 1) % folds else "train"


def assign_folds(pairs: Sequence[Pair], config: PairsConfig, seed: int) -> list[FoldedPair]:
    """Every pair with its fold, in the order given.

    Raises:
        DataError: fewer independent contexts than folds.
    """
    groups = context_groups(pairs, config.context_similarity)
    folds = _METHODS[config.method](pairs, groups, config.folds, seed)
    return [FoldedPair.of(pair, group, fold) for pair, group, fold in zip(pairs, groups, folds, strict=True)]


def shared_words(pair: Pair) -> frozenset[str]:
    """The lower-cased words that both sentences have: the context around the identity terms."""
    more, less = (set(re.findall(r"[^\W_]+", text.lower())) for text in (pair.more, pair.less))
    return frozenset(more & less)


def context_groups(pairs: Sequence[Pair], similarity: float) -> list[int]:
    """For each pair the smallest ``pair_id`` of its group of near-duplicate contexts.

    Two pairs are near-duplicates when a whole sentence of one stands in the other, or the Jaccard
    similarity |A∩B| / |A∪B| of their shared words (at least three) reaches ``similarity``.
    """
    root = list(range(len(pairs)))

    def find(item: int) -> int:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    for left, right in _near_duplicates(pairs, similarity):
        low, high = sorted((find(left), find(right)))
        root[high] = low
    return [pairs[find(item)].pair_id for item in range(len(pairs))]


def _near_duplicates(pairs: Sequence[Pair], similarity: float) -> list[tuple[int, int]]:
    contexts = [shared_words(pair) for pair in pairs]
    sentences: dict[str, int] = {}
    postings: dict[str, list[int]] = defaultdict(list)
    found: list[tuple[int, int]] = []
    for index, (pair, context) in enumerate(zip(pairs, contexts, strict=True)):
        for text in (pair.more.casefold(), pair.less.casefold()):
            if text in sentences:
                found.append((sentences[text], index))
            sentences.setdefault(text, index)
        if len(context) < 3:
            continue
        overlaps: dict[int, int] = defaultdict(int)
        for word in context:
            for other in postings[word]:
                overlaps[other] += 1
            postings[word].append(index)
        found += [
            (other, index)
            for other, common in overlaps.items()
            if common >= similarity * (len(context) + len(contexts[other]) - common)
        ]
    return found


def stratified_folds(pairs: Sequence[Pair], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """Folds balanced by category that never divide a group (scikit-learn's StratifiedGroupKFold)."""
    from sklearn.model_selection import StratifiedGroupKFold  # a second of import, only when splitting

    if len(set(groups)) < folds:
        raise DataError(
            f"{len(pairs)} pairs have only {len(set(groups))} independent contexts, fewer than {folds} folds",
            "use fewer folds or more pairs",
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    categories = np.array([pair.category for pair in pairs])
    assigned = np.zeros(len(pairs), dtype=int)
    for fold, (_, held_out) in enumerate(splitter.split(categories, categories, np.array(groups))):
        assigned[held_out] = fold
    return [int(fold) for fold in assigned]


def category_folds(pairs: Sequence[Pair], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """A fold is a category, in the order of :data:`CATEGORIES`.

    Near-duplicate contexts may lie in two categories; training leaves those of the held-out one out.
    """
    return [CATEGORIES.index(pair.category) for pair in pairs]


def notebook_folds(pairs: Sequence[Pair], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """The case study's split: 80/20 into train and test, then 90/10 into train and validation.

    Made by ``datasets.train_test_split`` itself, row-wise: near-duplicate contexts may cross it, as they did there.
    """
    from datasets import Dataset

    rows = Dataset.from_dict({"row": range(len(pairs))})
    outer = rows.train_test_split(test_size=0.2, seed=seed)
    inner = outer["train"].train_test_split(test_size=0.1, seed=seed)
    fold_of = dict.fromkeys(outer["test"]["row"], 0) | dict.fromkeys(inner["test"]["row"], 1)
    return [fold_of.get(row, 2) for row in range(len(pairs))]


_METHODS: dict[str, Callable[[Sequence[Pair], Sequence[int], int, int], list[int]]] = {
    "stratified": stratified_folds,
    "notebook": notebook_folds,
    "leave-one-category-out": category_folds,
}
