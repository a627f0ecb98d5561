"""Folds that keep training and evaluation apart: stratified by category, near-duplicates together."""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from counterpoise.errors import DataError
from counterpoise.records import CATEGORIES, Pair

if TYPE_CHECKING:
    from counterpoise.pairs.config import PairsConfig

Split = Literal["train", "validation", "test"]
MIN_NOTEBOOK = 4
"""Pairs of which 80/20 and then 90/10 leave one for each part: 1 to test, 1 to validate, 2 to train."""
_USES = {"train": "train", "validation": "validate", "test": "evaluate"}


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
        DataError: fewer independent contexts than folds, or nothing to hold out, validate or train on.
    """
    groups = context_groups(pairs, config.context_similarity)
    folds = _METHODS[config.method](pairs, groups, config.folds, seed)
    for evaluated in config.evaluate:
        _check_split(folds, evaluated, config)
    return [FoldedPair.of(pair, group, fold) for pair, group, fold in zip(pairs, groups, folds, strict=True)]


def _check_split(folds: Sequence[int], evaluated: int, config: PairsConfig) -> None:
    """Raise :class:`DataError` if holding out ``evaluated`` leaves a part without any pair."""
    parts = {split_of(fold, evaluated, config.folds) for fold in folds}
    for part in ("test", "validation", "train"):
        if part not in parts:
            numbers = [f for f in range(config.folds) if split_of(f, evaluated, config.folds) == part]
            by_category = config.method == "leave-one-category-out"
            names = ", ".join(CATEGORIES[f] if by_category else f"fold {f}" for f in numbers)
            raise DataError(
                f"pairs.evaluate = {evaluated}: no pair to {_USES[part]} on, {names} of {len(folds)} pairs is empty",
                "evaluate another fold, use fewer folds, or add pairs",
            )


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
    """Folds balanced by category that never divide a group (scikit-learn's StratifiedGroupKFold).

    Where there are too few pairs of a category or too few contexts for that, :func:`grouped_folds`.

    Raises:
        DataError: fewer independent contexts than folds.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold  # a second of import, only when splitting

    if len(set(groups)) < folds:
        raise DataError(
            f"{len(pairs)} pairs have only {len(set(groups))} independent contexts, fewer than {folds} folds",
            "use fewer folds or more pairs",
        )
    categories = np.array([pair.category for pair in pairs])
    if Counter(categories.tolist()).most_common(1)[0][1] < folds:  # scikit-learn refuses
        return grouped_folds(pairs, groups, folds, seed)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    assigned = np.zeros(len(pairs), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a category with fewer pairs than folds, which cannot be in each
        for fold, (_, held_out) in enumerate(splitter.split(categories, categories, np.array(groups))):
            assigned[held_out] = fold
    found = [int(fold) for fold in assigned]
    return found if len(set(found)) == folds else grouped_folds(pairs, groups, folds, seed)


def grouped_folds(pairs: Sequence[Pair], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """Folds that never divide a group and are never empty, if there are as many groups: each group, the largest first,
    goes where there are fewest pairs of its categories, then fewest pairs.
    """
    import numpy as np

    members: dict[int, list[str]] = defaultdict(list)
    for pair, group in zip(pairs, groups, strict=True):
        members[group].append(pair.category)
    order = np.random.default_rng(seed).permutation(sorted(members)).tolist()
    held: list[Counter[str]] = [Counter() for _ in range(folds)]
    fold_of: dict[int, int] = {}
    for group in sorted(order, key=lambda group: -len(members[group])):
        empty = [fold for fold in range(folds) if not held[fold]]
        # The last groups fill what would stay empty.
        open_to = empty if len(members) - len(fold_of) <= len(empty) else range(folds)
        alike = {fold: sum(held[fold][name] for name in set(members[group])) for fold in open_to}
        fold_of[group] = min(open_to, key=lambda fold: (alike[fold], held[fold].total(), fold))
        held[fold_of[group]].update(members[group])
    return [fold_of[group] for group in groups]


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

    if len(pairs) < MIN_NOTEBOOK:
        raise DataError(
            f"{len(pairs)} pairs are too few for method = 'notebook', which needs {MIN_NOTEBOOK}", "add pairs"
        )
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
