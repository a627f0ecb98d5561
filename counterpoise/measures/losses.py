"""What got worse: every measure that moved the wrong way, looked for by rule and not by choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from counterpoise.measures.claims import Claim
from counterpoise.measures.measure import CHANGED, Measure, Measures

Certainty = Literal["beyond noise", "within noise", "not tested"]
ORDER: tuple[Certainty, ...] = ("beyond noise", "within noise", "not tested")
GROUPS_SHOWN = 3
"""Of the groups of one measure that were not tested, those that lost most are listed."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A measure that moved the wrong way, and whether by more than chance explains."""

    measure: Measure
    certainty: Certainty


def losses(measures: Measures, claims: Sequence[Claim]) -> list[Loss]:
    """Everything that got worse, the certain first: what moved against its aim, and every group that was erased."""
    moved = [row for row in measures if row.counts and row.loss > 0]
    every = [Loss(row, certainty(row)) for row in _largest(moved)]
    failed = [row for claim in claims if claim.outcome == "fails" for row in claim.measures]
    every += [Loss(row, "beyond noise") for row in failed if row.aim == "unchanged"]
    return sorted(every, key=lambda loss: ORDER.index(loss.certainty))


def certainty(measure: Measure) -> Certainty:
    """Whether a loss is more than chance explains; of several groups, after adjusting for their number."""
    span = measure.loss_interval
    if span is None:
        return "not tested"
    adjusted = measure.holm_p is None or measure.holm_p < CHANGED
    return "beyond noise" if measure.pushed_past or (span[0] > 0 and adjusted) else "within noise"


def _largest(rows: Sequence[Measure]) -> Iterator[Measure]:
    """All rows, but of untested groups of one measure only those that lost most."""
    groups: dict[tuple[str, str, bool], list[Measure]] = defaultdict(list)
    for row in rows:
        groups[row.name, row.by, bool(row.group)].append(row)
    for (_, _, grouped), found in groups.items():
        if grouped and found[0].loss_interval is None:
            yield from sorted(found, key=lambda row: -row.loss)[:GROUPS_SHOWN]
        else:
            yield from found
