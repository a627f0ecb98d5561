"""What became of the claims."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.measures.criteria import CRITERIA, Criterion
from counterpoise.measures.measure import FAILS, HOLDS, OPEN, Measure, Measures, Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a claim.

    Attributes:
        name, criterion: as in :data:`CRITERIA`.
        cost: whether its failing means that the language model is damaged.
        measures: what decides it: its one measure; of several, those that fail.
    """

    name: str
    criterion: str
    outcome: Outcome
    cost: bool
    measures: tuple[Measure, ...]


def claims(measures: Measures) -> tuple[Claim, ...]:
    """Every claim that there are measures for."""
    return tuple(claim for criterion in CRITERIA for claim in _claims(criterion, measures))


def _claims(criterion: Criterion, measures: Measures) -> Iterator[Claim]:
    rows = [row for row in measures if any(target.matches(row) for target in criterion.targets)]
    ways = dict.fromkeys(row.by for row in rows) if criterion.each else (None,)
    for by in ways:
        decided = [row for row in rows if by in (None, row.by)]
        if decided:
            yield _decide(criterion, decided, f"{criterion.claim} ({by})" if by else criterion.claim)


def _decide(criterion: Criterion, rows: list[Measure], name: str) -> Claim:
    outcomes = [criterion.rule(row) for row in rows]
    outcome = next((worst for worst in (FAILS, OPEN) if worst in outcomes), HOLDS)
    failing = [row for row, found in zip(rows, outcomes, strict=True) if found == FAILS]
    several = any(target.groups for target in criterion.targets)
    limits = [target.limit for target in criterion.targets]
    return Claim(
        name=name,
        criterion=criterion.text.format(*limits),
        outcome=outcome,
        cost=criterion.cost,
        measures=tuple(failing if several else rows),
    )
