"""Whatever comes in, every text comes out: unchanged with a reason, or swapped."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.counterfactual import AXES, CounterfactualConfig, Engine, swap
from counterpoise.errors import UsageError
from counterpoise.validation import validated

ENGINE = Engine.from_config()
ENGINE.swap("She left.", AXES)  # the first call reads the word lists; Hypothesis times each call


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\ud800 she ran", "encoding"),
        ("Она ушла домой.", "language"),
        ("היא הלכה הביתה", "language"),
        ("12345 …!", "language"),
        ("Der Mann und die Frau sind nicht in dem Haus, und ich komme mit her.", "language"),
        ("El man que no es de la casa está con los otros", "language"),
    ],
)
def test_unswappable_texts_say_why(text: str, code: str) -> None:
    result = ENGINE.swap(text)
    assert (result.swapped, result.changed) == (text, False)
    assert [item.code for item in result.refusals] == [code]


def test_control_characters_and_mixed_scripts_are_kept() -> None:
    text = "\x00she\x07 said\u200b «שלום» to him \U0001f600\r\n"
    assert swap(text).swapped == "\x00he\x07 said\u200b «שלום» to her \U0001f600\r\n"


def test_a_megabyte_on_one_line() -> None:
    text = "She thanked him for it. " * 45_000
    assert len(text) > 1_000_000
    assert ENGINE.swap(text).swapped == "He thanked her for it. " * 45_000


def test_a_megabyte_of_nothing_but_letters() -> None:
    text = "she" * 350_000
    assert not ENGINE.swap(text).changed


@given(st.text())
def test_never_a_crash(text: str) -> None:
    result = ENGINE.swap(text, AXES)
    assert result.text == text
    assert result.changed == (result.swapped != text)


def test_unknown_axis_and_group_are_named() -> None:
    with pytest.raises(UsageError, match="unknown axis 'colour'"):
        ENGINE.swap("She left.", ("colour",))
    with pytest.raises(UsageError, match="'muslim' and 'martian'"):
        ENGINE.swap("She left.", ("religion",), ("muslim", "martian"))


def test_config_rejects_what_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="did you mean 'axes'"):
        validated(CounterfactualConfig, {"axis": ["gender"]}, "test")
    with pytest.raises(UsageError, match="at least one axis"):
        validated(CounterfactualConfig, {"axes": []}, "test")
    with pytest.raises(UsageError, match="unknown axis 'colour'"):
        Engine.from_config(CounterfactualConfig(axes=("colour",)))


def test_importable_without_torch_prefect_pandas_or_spacy() -> None:
    heavy = ("torch", "prefect", "transformers", "pandas", "pyarrow", "spacy", "numpy")
    code = (
        "import sys, counterpoise.counterfactual as c; c.swap('She left.');"
        f"print(*sorted(name for name in {heavy!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "text", ["Hi Mary, ", "black-", "(her) ", "That is his (", "The Duke of the", "Tom & "]
)
def test_text_that_breaks_off_is_read(text: str) -> None:
    assert {swap(text, axis).text for axis in AXES} == {text}
