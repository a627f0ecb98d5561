"""The examples in docstrings and in the guide are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from counterpoise.counterfactual.lexicon import Lexicon
from counterpoise.counterfactual.lexicon_file import add

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "docs" / "counterfactuals.md"
MODULES = ("agreement", "casing", "fluency", "forms", "shortcut")


def test_the_guide() -> None:
    result = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"counterpoise.counterfactual.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_guides_lexicon_is_valid() -> None:
    text = GUIDE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    axis = add(Lexicon(), text, "the guide")
    assert {reading.form for reading in axis.readings if reading.group == "female"} >= {
        "falconress",
        "huntswomen",
    }
