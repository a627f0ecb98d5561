"""One number, before and after. Claims, tables, headline, model card and JSON are views of a list of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from counterpoise.errors import DataError
from counterpoise.metrics.intervals import Interval

Aim = Literal["higher", "lower", "50", "0", "unchanged", ""]
"""Which way is better: more, less, nearer to 50 or to 0, no change; empty where it only describes."""
Outcome = Literal["holds", "fails", "undecided"]
HOLDS: Outcome = "holds"
FAILS: Outcome = "fails"
OPEN: Outcome = "undecided"
Verdict = Literal["better", "worse", "overshoot", "unclear"]
"""``better``/``worse``: the 95 % interval of the loss lies below/above 0. ``overshoot``: the tuned value is on the
other side of the aim and its own interval excludes it, which is a failure however far the base was. ``unclear``: the
data do not tell."""
CHANGED = 0.05
"""Holm-adjusted p-value below which one of several groups changed beyond chance."""
_ROUNDING = 1e-12
"""A ratio of 1.02 is a rise of 0.02 and a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of base and tuned, with the paired change between them.

    Attributes:
        name: what is measured; a constant of :mod:`counterpoise.measures.names`.
        by: how: a reading of the pairs, a benchmark's part, a classifier, a decoding; empty for the usual way.
        group: on what part: a category, an identity group, a fold; empty for all.
        unit: of ``base`` and ``tuned``: ``%``, ``points``, ``nats``, ``0 to 1``, ….
        aim: which way is better.
        base, tuned: the two values; where one model was scored alone, the other's and the change are nan.
        change: tuned − base in ``unit``, or percent of the base where ``relative``.
        n: independent units behind it: pairs, sentences, prompts, target terms.
        interval: paired 95 % interval of ``change``; None where it was not tested.
        base_interval, tuned_interval: 95 % interval of each value.
        distance_interval: paired 95 % interval of the change of |value − aim|, for an aim of 50 or 0.
        p: two-sided p-value of the change (exact McNemar for scores).
        holm_p: ``p`` adjusted for the groups that are compared (Holm 1979); None for a single one.
        flips: units that rose and that fell, behind a McNemar test.
        limit: largest loss that its claim allows, in the unit of ``change``; None without such a claim.
        counts: False where it describes a part of what another measure counts already: a fold, a direction.
    """

    name: str
    by: str = ""
    group: str = ""
    unit: str
    aim: Aim = ""
    base: float
    tuned: float
    change: float
    relative: bool = False
    n: int
    interval: Interval | None = None
    base_interval: Interval | None = None
    tuned_interval: Interval | None = None
    distance_interval: Interval | None = None
    p: float | None = None
    holm_p: float | None = None
    flips: tuple[int, int] | None = None
    limit: float | None = None
    counts: bool = True

    @property
    def label(self) -> str:
        """Name, how and of what, as ``usable text, greedy`` or ``CrowS-Pairs score: gender``."""
        name = f"{self.name}, {self.by}" if self.by else self.name
        return f"{name}: {self.group}" if self.group else name

    @property
    def target(self) -> float | None:
        """The value to come near to; None where there is none."""
        return float(self.aim) if self.aim in ("50", "0") else None

    def distance(self, value: float) -> float:
        """|value − aim| of a measure that has a value to come near to."""
        return abs(value - float(self.aim))

    @property
    def loss(self) -> float:
        """How far it moved the wrong way, in the unit of ``change``; negative where it moved the right way."""
        if self.target is not None:
            return self.distance(self.tuned) - self.distance(self.base)
        return {"higher": -1.0, "lower": 1.0}.get(self.aim, 0.0) * self.change

    @property
    def loss_interval(self) -> Interval | None:
        """The paired 95 % interval of :attr:`loss`; None where it was not tested."""
        if self.target is not None:
            return self.distance_interval
        if self.interval is None or self.aim not in ("higher", "lower"):
            return None
        low, high = self.interval
        return (-high, -low) if self.aim == "higher" else (low, high)

    @property
    def adjusted_p(self) -> float:
        """The p-value that counts: adjusted where several groups are compared; 1 where nothing was tested."""
        known = self.p if self.holm_p is None else self.holm_p
        return 1.0 if known is None else known

    @property
    def neutral(self) -> bool:
        """Whether the tuned value's own interval contains the aim."""
        return self._holds_aim(self.tuned_interval)

    @property
    def base_neutral(self) -> bool:
        """Whether the base's own interval contains the aim."""
        return self._holds_aim(self.base_interval)

    def _holds_aim(self, interval: Interval | None) -> bool:
        return interval is not None and interval[0] <= float(self.aim) <= interval[1]

    @property
    def verdict(self) -> Verdict:
        """Which way it moved, see :data:`Verdict`."""
        span = self.loss_interval
        if self.target is not None and self.tuned_interval is not None:
            crossed = (self.base - self.target) * (self.tuned - self.target) < 0
            if crossed and not self.neutral:
                return "overshoot"
        if span is None:
            return "unclear"
        return "better" if span[1] < 0 else "worse" if span[0] > 0 else "unclear"

    @property
    def pushed_past(self) -> bool:
        """Whether it was pushed away from its aim: changed beyond chance, and now sure to lie on the side it moved to.

        Other than an overshoot it may have begun there: from 49 to 44 is a push past 50, too.
        """
        if self.target is None or self.tuned_interval is None:
            return False
        low, high = self.tuned_interval
        beyond = high < self.target if self.change < 0 else low > self.target
        began = (self.base - self.target) * self.change
        return beyond and self.adjusted_p < CHANGED and (began >= 0 or self.verdict == "overshoot")

    @property
    def outcome(self) -> Outcome | None:
        """Whether the loss is within its limit; None where it has no limit or no interval."""
        if self.limit is None or self.loss_interval is None:
            return None
        return within(self.loss, self.loss_interval, self.limit)


def before_after(name: str, base: float, tuned: float, **more: Any) -> Measure:
    """A measure whose change is tuned − base; ``more`` are its other fields."""
    return Measure(name=name, base=base, tuned=tuned, change=tuned - base, **more)


def within(loss: float, interval: Interval, limit: float) -> Outcome:
    """Whether a loss is within its limit.

    It holds when the loss's whole interval is within the limit, as a test of non-inferiority asks. It fails when the
    measured loss is over the limit and its interval leaves out no loss at all: damage needs less proof than health.
    In between the data cannot tell.

    >>> within(-0.01, (-0.02, 0.005), 0.02), within(0.01, (-0.01, 0.03), 0.02)
    ('holds', 'undecided')
    >>> within(0.03, (0.01, 0.05), 0.02), within(0.03, (-0.01, 0.07), 0.02)
    ('fails', 'undecided')
    """
    most = limit + _ROUNDING
    if interval[1] <= most:
        return HOLDS
    return FAILS if loss > most and interval[0] > 0 else OPEN


class Measures(Sequence[Measure]):
    """The measures of a run, found by name, how and group."""

    def __init__(self, rows: Iterable[Measure]) -> None:
        self._rows = tuple(rows)
        self._at = {(row.name, row.by, row.group): row for row in self._rows}
        if len(self._at) < len(self._rows):
            twice = next(row for row in self._rows if self._at[row.name, row.by, row.group] is not row)
            raise DataError(
                f"{twice.label!r} is measured twice", "give each measure its own name, way and group"
            )

    def get(self, name: str, by: str = "", group: str = "") -> Measure | None:
        """One measure, or None where it was not taken."""
        return self._at.get((name, by, group))

    def one(self, name: str, by: str = "", group: str = "") -> Measure:
        """One measure.

        Raises:
            DataError: it was not taken.
        """
        found = self.get(name, by, group)
        if found is None:
            what = ", ".join(part for part in (name, by, group) if part)
            raise DataError(f"the report has no measure {what!r}", "make it again: `counterpoise run`")
        return found

    def all(self, name: str, by: str | None = "", group: str | None = None) -> list[Measure]:
        """Every measure of this name, way and group, in order; None takes any."""
        return [
            row
            for row in self._rows
            if row.name == name and by in (None, row.by) and group in (None, row.group)
        ]

    def groups(self, name: str, by: str = "") -> list[Measure]:
        """The measures of single groups."""
        return [row for row in self.all(name, by) if row.group]

    def ways(self, name: str) -> list[Measure]:
        """The measures over everything, one for each way of measuring."""
        return self.all(name, by=None, group="")

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Measure]:
        return iter(self._rows)
