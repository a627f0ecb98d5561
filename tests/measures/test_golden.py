"""Numbers do not move when code does: those that the summary had before it became a list of measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterpoise.measures.measure import Measures
from counterpoise.report.findings import findings
from tests.report.synthetic import everything

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def measures() -> Measures:
    return findings(everything()).results.measures


def test_every_number_is_the_one_it_was(measures: Measures) -> None:
    assert len(GOLDEN) > 100
    for name, by, group, fields in GOLDEN:
        found = measures.one(name, by, group)
        for field, expected in fields.items():
            tolerance = 2e-4 if found.relative and field in ("change", "interval") else 1.5e-6  # once rounded
            assert getattr(found, field) == pytest.approx(expected, abs=tolerance), (found.label, field)
