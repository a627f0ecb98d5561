"""Which pair is evidence: those scored by an adapter that had them held out, and the others apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from counterpoise.errors import DataError
from counterpoise.measures.crows import Scored
from counterpoise.pairs.folds import split_of
from counterpoise.records import Pair, PairScore
from counterpoise.report.inputs import FoldEvidence, ReportInputs


def held_out(inputs: ReportInputs) -> Scored:
    """Each pair of an evaluated fold with the scores of the adapter that had it held out.

    Raises:
        DataError: such a pair has no score.
    """
    parts = [scored_in(inputs, fold, "test") for fold in inputs.folds]
    wanted = {fold.evaluated for fold in inputs.folds}
    pairs = [pair for part in parts for pair in part.pairs]
    missing = sum(item.fold in wanted for item in inputs.pairs) - len(pairs)
    if missing or not pairs:
        raise DataError(f"{missing or 'all'} held-out pairs have no score", "score every evaluated fold")
    base = [row for part in parts for row in part.base]
    return Scored(pairs, base, [row for part in parts for row in part.tuned])


def scored_in(inputs: ReportInputs, fold: FoldEvidence, split: str) -> Scored:
    """The pairs of one split of one training that both variants scored."""
    pairs = [item for item in inputs.pairs if split_of(item.fold, fold.evaluated, inputs.run.folds) == split]
    return _scored(pairs, fold.scores)


def revised(inputs: ReportInputs) -> Scored | None:
    """The revised edition's pairs with their scores; None where there is none."""
    return None if inputs.revised is None else _scored(inputs.revised.pairs, inputs.revised.scores)


def _scored(pairs: Sequence[Pair], scores: Iterable[PairScore]) -> Scored:
    """Those of ``pairs`` that have a whole score of both variants, in the order of their ids."""
    by_id = {pair.pair_id: pair for pair in pairs}
    sides: dict[str, list[PairScore]] = {"base": [], "tuned": []}
    for row in scores:
        if row.pair_id in by_id:
            sides[row.variant].append(row)
    base, tuned = (
        {row.pair_id for row in sides[name] if row.reading == "whole"} for name in ("base", "tuned")
    )
    both = sorted(base & tuned)
    return Scored(
        [by_id[pair_id] for pair_id in both],
        [row for row in sides["base"] if row.pair_id in tuned],
        [row for row in sides["tuned"] if row.pair_id in base],
    )
