"""A run's results: measures, claims, headline. The report's JSON, which commands, README, card and demo read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from counterpoise.errors import DataError
from counterpoise.measures.claims import Claim
from counterpoise.measures.measure import Measure, Measures

FORMAT = 2
"""Version of the JSON; docs/report-format.md says what is in it. Format 1 had a key a number."""
HOW = "make the report again: `counterpoise run` with the run's settings"
_DIGITS = 6
_LINE = 900
"""Longest piece of JSON that is kept on one line, characters."""
Record = TypeVar("Record")

Tone = Literal["good", "caution", "bad"]
Ending = Literal[
    "damaged",
    "overshoot",
    "worse",
    "improved",
    "no evidence",
    "already neutral",
    "undecided",
    "not significant",
]
"""What became of the model: the first rule that applies, in this order."""
TONES: Mapping[Ending, Tone] = {"damaged": "bad", "overshoot": "bad", "worse": "bad", "improved": "good"}
"""How an ending looks; the others call for caution."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the model.

    Attributes:
        tone: how it should look.
        headline: what a reader needs first; sentence: the numbers behind it.
    """

    outcome: Ending
    tone: Tone
    headline: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was run, as far as numbers compare only between runs that agree in it."""

    profile: str
    seed: int
    model: str
    precision: str
    prefix: str
    normalisation: str


@dataclass(frozen=True, slots=True)
class Training:
    """One training in brief: held-out fold, optimiser steps, the share of the adapter that is delivered, and why."""

    fold: int
    steps: int
    strength: float
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """Candidate preferences, those kept by the filter, and candidates by reason, most frequent first."""

    candidates: int
    kept: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a report says in numbers."""

    facts: Facts
    verdict: Verdict
    claims: tuple[Claim, ...]
    measures: Measures
    trainings: tuple[Training, ...]
    filtered: Filtered

    def to_json(self) -> dict[str, Any]:
        """Plain values; see docs/report-format.md."""
        found = {
            "format": FORMAT,
            "facts": asdict(self.facts),
            "verdict": asdict(self.verdict),
            "claims": [_claim_json(claim) for claim in self.claims],
            "measures": [measure_json(row) for row in self.measures],
            "trainings": [asdict(row) for row in self.trainings],
            "filter": asdict(self.filtered),
        }
        plain: dict[str, Any] = rounded(found)
        return plain


def results_from(values: Mapping[str, Any], where: str = "the report") -> Results:
    """The results that :meth:`Results.to_json` gave.

    Raises:
        DataError: they are of another format, or an entry is missing.
    """
    if values.get("format") != FORMAT:
        raise DataError(
            f"{where}: its numbers are of format {values.get('format', 1)}, expected {FORMAT}", HOW
        )
    try:
        measures = Measures(measure_from(row) for row in values["measures"])
        return Results(
            facts=_record(Facts, values["facts"]),
            verdict=_record(Verdict, values["verdict"]),
            claims=tuple(_claim(row, measures) for row in values["claims"]),
            measures=measures,
            trainings=tuple(_record(Training, row) for row in values["trainings"]),
            filtered=_record(Filtered, values["filter"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{where}: its numbers lack {error}", HOW) from None


def read_results(path: Path) -> Results:
    """The results in a file.

    Raises:
        DataError: as :func:`results_from`.
    """
    return results_from(load_numbers(path, HOW), str(path))


def load_numbers(path: Path, how: str) -> Any:
    """A report's JSON.

    Raises:
        DataError: there is none: an older version made the report.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: an older version made this report", how) from None


def to_text(values: Any, indent: str = "") -> str:
    """JSON with what is short on one line: a measure is a line. The same values give the same bytes."""
    line = json.dumps(values, sort_keys=True, ensure_ascii=False, allow_nan=False)
    if not isinstance(values, dict | list) or len(line) <= _LINE:
        return line
    deeper = indent + " "
    if isinstance(values, list):
        items, ends = [to_text(item, deeper) for item in values], "[]"
    else:
        pairs = sorted(values.items())
        items, ends = [f"{json.dumps(name)}: {to_text(item, deeper)}" for name, item in pairs], "{}"
    return f"{ends[0]}\n{deeper}" + f",\n{deeper}".join(items) + f"\n{indent}{ends[1]}"


def measure_json(measure: Measure) -> dict[str, Any]:
    """A measure's fields without the empty ones, and its outcome and verdict where it has them."""
    values = {field.name: getattr(measure, field.name) for field in fields(measure)}
    defaults = {field.name: field.default for field in fields(measure)}
    judged = {
        "outcome": measure.outcome,
        "verdict": measure.verdict if measure.loss_interval and measure.aim else None,
    }
    kept = {name: value for name, value in values.items() if value != defaults[name]}
    plain: dict[str, Any] = rounded(kept | {name: value for name, value in judged.items() if value})
    return plain


def rounded(value: Any) -> Any:
    """Plain values whose numbers have six decimals, or six figures where they are small, so that they read well.

    Raises:
        DataError: a number is not finite.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"{value} is no number to report", "look for overflow in the model's scores")
        return round(value, _DIGITS) if abs(value) >= 1e-3 else float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def measure_from(values: Mapping[str, Any]) -> Measure:
    """The measure that :func:`measure_json` wrote."""
    return _record(Measure, values)


def _claim_json(claim: Claim) -> dict[str, Any]:
    return {
        "claim": claim.name,
        "criterion": claim.criterion,
        "outcome": claim.outcome,
        "cost": claim.cost,
        "measures": [[row.name, row.by, row.group] for row in claim.measures],
    }


def _claim(values: Mapping[str, Any], measures: Measures) -> Claim:
    decided = tuple(measures.one(*names) for names in values["measures"])
    return Claim(values["claim"], values["criterion"], values["outcome"], values["cost"], decided)


def _record(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A record from plain values; those that it does not know are computed ones."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in names})
