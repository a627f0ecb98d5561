"""The examples in docstrings and in the guide are true."""

from __future__ import annotations

import csv
import doctest
import re
from pathlib import Path

import pytest

from counterpoise.counterfactual import AXES, Engine
from counterpoise.counterfactual.config import TrainingSwaps
from counterpoise.counterfactual.lexicon import Lexicon
from counterpoise.counterfactual.lexicon_file import add
from counterpoise.sources.datasets import locate

EDIT = re.compile(r"\| (\d+) \| (\S+) \| .*\[(.+?)→(.+?)\].*\| (?!.*refused since)")
ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "docs" / "counterfactuals.md"


def test_the_guide() -> None:
    result = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


def test_the_guides_lexicon_is_valid() -> None:
    text = GUIDE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    axis = add(Lexicon(), text, "the guide")
    assert {reading.form for reading in axis.readings if reading.group == "female"} >= {
        "falconress",
        "huntswomen",
    }


@pytest.mark.slow
@pytest.mark.network
def test_the_hundred_edits_are_what_the_engine_does() -> None:
    """Each row of the guide's list that was not marked as refused since: the same edit by the same rule."""
    with locate("crows-pairs").open(encoding="utf-8", newline="") as lines:
        texts = [row["sent_more"] for row in csv.DictReader(lines)]
    engine = Engine.from_config(TrainingSwaps())
    listed = [
        found.groups()
        for line in GUIDE.read_text(encoding="utf-8").splitlines()
        if (found := EDIT.match(line))
    ]
    assert len(listed) == 99
    for pair, rule, original, replacement in listed:
        swaps = (engine.swap(texts[int(pair)], (axis,)) for axis in AXES)
        edits = {(edit.rule, edit.original, edit.replacement) for swap in swaps for edit in swap.edits}
        assert (rule, original, replacement) in edits, (pair, edits)
