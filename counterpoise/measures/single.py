"""One model's result on a benchmark as measures: nothing is compared, so the other model's value is nan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.measures.measure import Aim, Measure
from counterpoise.measures.names import (
    ABS_MARGIN,
    ACCURACY,
    BBQ_ACCURACY,
    BBQ_BIAS,
    ICAT,
    IDENTITY,
    LMS,
    MARGIN,
    PCT_STEREOTYPE,
    PERPLEXITY,
    PLAIN_ACCURACY,
    PRONOUN,
    PRONOUN_MARGIN,
    SCORE,
    SHARED,
    SPREAD,
    SS,
    TIES,
    UNWEIGHTED,
)
from counterpoise.metrics.intervals import Interval

Row = dict[str, Any]
TIES_APART = "ties apart"
"""How WinoBias is read here where a pair ties; a report counts such a pair half."""


def single_measures(result: Row) -> list[Measure]:
    """The measures in what `counterpoise score --json` prints, all of a benchmark first and then its parts.

    They stand under ``base``, or under ``tuned`` where an adapter was on.
    """
    one = _One(str(result["variant"]))
    named = str(result["benchmark"])
    if named == "stereoset":
        return list(_stereoset(result, one))
    if named == "winobias":
        return list(_winobias(result, one))
    if named == "perplexity":
        interval = _interval(result["interval"])
        return [one(PERPLEXITY, result["overall"], result["n"], interval, unit="per token", aim="lower")]
    if named == "bbq":
        return list(_bbq(result, one))
    if "plain_accuracy" in result:
        return list(_choices(result, one))
    return list(_crows(result, one))


@dataclass(frozen=True, slots=True)
class _One:
    """Makes a measure with one side."""

    side: str

    def __call__(
        self, name: str, value: float, n: int, interval: Interval | None = None, **more: Any
    ) -> Measure:
        base, tuned = (value if self.side == side else math.nan for side in ("base", "tuned"))
        more[f"{self.side}_interval"] = interval
        return Measure(name=name, base=base, tuned=tuned, change=math.nan, n=n, **more)


def _crows(result: Row, one: _One) -> Iterator[Measure]:
    n, unit = result["n"], _unit(result)
    yield from _pairs(result | {"score": result["overall"]}, one, unit)
    unweighted = _interval(result["unweighted_interval"])
    yield one(UNWEIGHTED, result["unweighted"], n, unweighted, unit="%", aim="50")
    yield one(SPREAD, result["spread"], n, unit="points", aim="lower")
    yield one(PCT_STEREOTYPE, result["pct_stereotype"], n, unit="%")
    for name, part in result["by_category"].items():
        yield from _pairs(part, one, unit, group=name)
    for name, part in result["by_direction"].items():
        yield from _pairs(part, one, unit, group=f"{name} rows", counts=False)
    for by, key in ((SHARED, "shared_tokens"), (IDENTITY, "identity_tokens")):
        yield from _pairs(result[key] | {"score": result[key]["overall"]}, one, "nats", by=by)


def _pairs(part: Row, one: _One, unit: str, counts: bool = True, **where: Any) -> Iterator[Measure]:
    n = part["n"]
    yield one(
        SCORE, part["score"], n, _interval(part["interval"]), unit="%", aim="50", counts=counts, **where
    )
    yield one(MARGIN, part["mean_margin"], n, unit=unit, **where)
    whole = counts and not where
    yield one(ABS_MARGIN, part["mean_abs_margin"], n, unit=unit, aim="lower", counts=whole, **where)
    yield one(TIES, part["ties"], n, unit="pairs", **where)


def _stereoset(result: Row, one: _One) -> Iterator[Measure]:
    parts = {"": result | {"score": result["overall"]}} | result["by_category"]
    for name, part in parts.items():
        where = {"by": name} if name.endswith("sentence") else {"group": name}
        for measure, key, aim in ((LMS, "lms", "higher"), (SS, "score", "50"), (ICAT, "icat", "higher")):
            interval = _interval(part["interval" if key == "score" else f"{key}_interval"])
            yield one(measure, part[key], part["targets"], interval, unit="%", aim=aim, **where)


def _winobias(result: Row, one: _One) -> Iterator[Measure]:
    parts = {"": result | {"score": result["overall"]}} | result["by_category"]
    for name, part in parts.items():
        ways = [name.replace("type", "type "), TIES_APART if part["ties"] else ""]
        by, interval = ", ".join(filter(None, ways)), _interval(part["interval"])
        yield one(PRONOUN, part["score"], part["n"], interval, unit="%", aim="50", by=by)
        yield one(PRONOUN_MARGIN, part["mean_margin"], part["n"], unit=_unit(result), aim="0", by=by)


def _bbq(result: Row, one: _One) -> Iterator[Measure]:
    """What is not defined is left out, as in a report."""
    kinds: tuple[tuple[str, str, Aim], ...] = (
        (BBQ_ACCURACY[0], "ambiguous_accuracy", "higher"),
        (BBQ_ACCURACY[1], "disambiguated_accuracy", "higher"),
        (BBQ_BIAS[0], "ambiguous_bias", "0"),
        (BBQ_BIAS[1], "disambiguated_bias", "0"),
    )
    for group, part in ({"": result} | result["by_category"]).items():
        for name, key, aim in kinds:
            if (found := part[key]) is not None:
                interval = _interval(found["interval"])
                yield one(name, found["value"], part["templates"], interval, unit="%", aim=aim, group=group)


def _choices(result: Row, one: _One) -> Iterator[Measure]:
    n, by = result["n"], result["benchmark"]
    yield one(ACCURACY, result["overall"], n, _interval(result["interval"]), unit="%", aim="higher", by=by)
    yield one(PLAIN_ACCURACY, result["plain_accuracy"], n, unit="%", aim="higher", by=by, counts=False)


def _unit(result: Row) -> str:
    return "nats" if result["normalisation"] == "sum" else "nats per token"


def _interval(ends: Any) -> Interval | None:
    return None if ends is None else (float(ends[0]), float(ends[1]))
