"""The leakage ledger: no training row may descend from, or repeat, what it is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.errors import LeakageError
from counterpoise.pairs.folds import FoldedPair, split_of
from counterpoise.records import Counterfactual, Pair, Preference

REPEATED = "held back: the sentence also stands in a held-out pair or a swap of one"


@dataclass(frozen=True, slots=True)
class TrainingSets:
    """What one training may see.

    Attributes:
        train: kept preferences of the training folds.
        validation: pairs of the validation fold, for guards and checkpoint selection.
        test: pairs of the evaluated fold, for scoring only.
        held_back: kept preferences of training folds whose text is (a swap of) a held-out sentence, whose
            pair shares a held-out pair's context, or whose axis is held out.
    """

    train: tuple[Preference, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    held_back: tuple[Preference, ...]


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What training rows may not hold.

    Attributes:
        texts: sentences of held-out pairs and swaps of them, case-folded.
        pair_ids: pairs that share their context with a held-out one.
        axes: identity axes that are held out as a whole.
    """

    texts: frozenset[str]
    pair_ids: frozenset[int] = frozenset()
    axes: frozenset[str] = frozenset()

    def covers(self, row: Preference) -> bool:
        """Whether ``row`` may not be trained on."""
        return row.pair_id in self.pair_ids or row.axis in self.axes or bool(_texts(row) & self.texts)


def training_sets(
    pairs: Sequence[FoldedPair],
    preferences: Sequence[Preference],
    swaps: Sequence[Counterfactual],
    *,
    evaluated: int,
    folds: int,
    contexts_apart: bool = True,
    unseen_axes: frozenset[str] = frozenset(),
) -> TrainingSets:
    """The training, validation and test parts when fold ``evaluated`` is held out.

    Args:
        contexts_apart: hold back rows whose pair shares its context group with a held-out pair. The case
            study's split did not.
        unseen_axes: identity axes that nothing may be trained on.

    Raises:
        LeakageError: a row's fold is not its pair's fold.
    """
    part = {item.pair_id: split_of(item.fold, evaluated, folds) for item in pairs}
    _check_folds(pairs, preferences)
    forbidden = Forbidden(
        texts=held_out_texts(pairs, swaps, part),
        pair_ids=_same_context(pairs, part) if contexts_apart else frozenset(),
        axes=unseen_axes,
    )
    usable = [row for row in preferences if row.kept and part[row.pair_id] == "train"]
    repeated = {row.preference_id for row in usable if forbidden.covers(row)}
    sets = TrainingSets(
        train=tuple(row for row in usable if row.preference_id not in repeated),
        validation=tuple(item for item in pairs if part[item.pair_id] == "validation"),
        test=tuple(item for item in pairs if part[item.pair_id] == "test"),
        held_back=tuple(row for row in usable if row.preference_id in repeated),
    )
    check_leakage(sets, forbidden)
    return sets


def held_out_texts(
    pairs: Sequence[FoldedPair], swaps: Sequence[Counterfactual], part: Mapping[int, str]
) -> frozenset[str]:
    """Sentences of the test pairs and every swap of them, case-folded."""
    own = {text for item in pairs if part[item.pair_id] == "test" for text in (item.more, item.less)}
    swapped = {swap.swapped for swap in swaps if part[swap.pair_id] == "test"}
    return frozenset(text.casefold() for text in own | swapped)


def _same_context(pairs: Sequence[FoldedPair], part: Mapping[int, str]) -> frozenset[int]:
    """The pairs whose context group has a held-out member."""
    held_out = {item.group for item in pairs if part[item.pair_id] == "test"}
    return frozenset(item.pair_id for item in pairs if item.group in held_out)


def check_leakage(sets: TrainingSets, forbidden: Forbidden) -> None:
    """Fails on any overlap between what is trained on and what is evaluated.

    Raises:
        LeakageError: naming the first offending row.
    """
    held_out = {pair.pair_id for pair in (*sets.test, *sets.validation)}
    for row in sets.train:
        if row.pair_id in held_out or forbidden.covers(row):
            raise LeakageError(
                f"preference {row.preference_id} trains on held-out pair material (pair {row.pair_id})",
                "rebuild the preferences from the same pairs table; never edit folds by hand",
            )


def _check_folds(pairs: Sequence[FoldedPair], preferences: Sequence[Preference]) -> None:
    fold_of = {item.pair_id: item.fold for item in pairs}
    for row in preferences:
        if fold_of.get(row.pair_id) != row.fold:
            raise LeakageError(
                f"preference {row.preference_id} says fold {row.fold}, its pair {row.pair_id} "
                f"is in fold {fold_of.get(row.pair_id)}",
                "rebuild the preferences from the same pairs table",
            )


def _texts(row: Preference) -> set[str]:
    return {(row.prompt + row.chosen).casefold(), (row.prompt + row.rejected).casefold()}
