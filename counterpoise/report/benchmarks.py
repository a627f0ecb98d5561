"""Other benchmarks' findings as rows of before and after."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.report.findings import Findings
from counterpoise.report.inputs import BenchmarkRow

_STEREOSET = (("LMS", "lms", "higher"), ("SS", "ss", "50"), ("ICAT", "icat", "higher"))


def benchmark_rows(found: Findings) -> list[BenchmarkRow]:
    """Every benchmark number, StereoSet first."""
    return [*_stereoset(found), *_winobias(found)]


def _stereoset(found: Findings) -> Iterator[BenchmarkRow]:
    for part, change in found.stereoset.items():
        name = "StereoSet" if part == "all" else f"StereoSet, {part}"
        for metric, attribute, aim in _STEREOSET:
            value = getattr(change, attribute)
            yield BenchmarkRow(name, metric, value.base, value.tuned, aim, "%", value.interval)


def _winobias(found: Findings) -> Iterator[BenchmarkRow]:
    for part, change in found.winobias.items():
        name = "WinoBias" if part == "all" else f"WinoBias, {part.replace('type', 'type ')}"
        for metric, value, aim, unit in (
            ("prefers the stereotypical pronoun", change.preference, "50", "%"),
            ("mean margin", change.margin, "0", "nats"),
        ):
            yield BenchmarkRow(name, metric, value.base, value.tuned, aim, unit, value.interval)
