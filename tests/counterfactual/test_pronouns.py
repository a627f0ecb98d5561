"""her and his on hand-labelled sentences; ``ambiguous`` means that refusing is the right answer."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from counterpoise.counterfactual.resolve.her import her
from counterpoise.counterfactual.resolve.pronouns import his
from counterpoise.counterfactual.tokens import Document

LABELLED = Path(__file__).parent / "data" / "pronouns.tsv"


class Case(NamedTuple):
    start: int
    use: str
    sentence: str


def cases() -> list[Case]:
    with LABELLED.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Case(int(row["start"]), row["use"], row["sentence"]) for row in rows]


def decided(case: Case) -> str:
    document = Document(case.sentence)
    index = document.starts.index(case.start)
    rule = her if document.lower[index] == "her" else his
    return rule(document, index)[0] or "ambiguous"


def test_at_least_98_percent_are_right() -> None:
    missed = [case for case in cases() if decided(case) != case.use]
    assert len(cases()) >= 300
    assert len(missed) <= 0.02 * len(cases()), missed


@pytest.mark.parametrize("use", ["object", "determiner", "pronoun", "ambiguous"])
def test_every_use_is_in_the_set(use: str) -> None:
    assert sum(case.use == use for case in cases()) >= 10


def test_the_labels_are_not_all_one_rule_can_guess() -> None:
    """Always answering with the commonest use would be far below the bar."""
    uses = [case.use for case in cases()]
    assert max(uses.count(use) for use in set(uses)) < 0.6 * len(uses)
