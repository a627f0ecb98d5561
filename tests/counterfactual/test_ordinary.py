"""Sentences of ordinary text by kind, their answers fixed before the rules had seen them.

Columns: axis, from, to, text, expected (``||`` between accepted answers), phenomenon. {M} and {F} stand for any first
name of that sex in the lexicon ({ML} and {MU} in lower and upper case), {X} for a name of the race axis.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from counterpoise.config import RunConfig
from counterpoise.counterfactual import AXES, CounterfactualConfig, Engine, swap

CASES = Path(__file__).parent / "data" / "ordinary.tsv"
KINDS = Path(__file__).parent / "data" / "ordinary_kinds.tsv"
FRESH = Path(__file__).parent / "data" / "ordinary_fresh.tsv"
ENGINE = Engine.from_config()


def names(axis: str, group: str) -> str:
    concepts = ENGINE.lexicon.axes[axis].concepts
    found = {concept.form(group, "name") for concept in concepts if concept.slots == ("name",)}
    return "(?:" + "|".join(sorted(map(re.escape, filter(None, found)), key=len, reverse=True)) + ")"


M, F = names("gender", "male"), names("gender", "female")
HOLES = {"M": M, "F": F, "ML": M.lower(), "FL": F.lower(), "MU": M.upper(), "X": names("race-color", "white")}


def accepted(expected: str, got: str) -> bool:
    patterns = (
        "".join(HOLES.get(part[1:-1], re.escape(part)) for part in re.split(r"(\{[A-Z]+\})", answer))
        for answer in expected.split("||")
    )
    return any(re.fullmatch(pattern, got) for pattern in patterns)


def test_the_matcher_tells_names_apart() -> None:
    assert accepted("{F} left.||He left.", "Mary left.") and accepted("{F} left.||He left.", "He left.")
    assert not accepted("{F} left.", "James left.") and not accepted("{F} left.", "Mary left. ")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("axis", AXES)
def test_ordinary_sentences(axis: str) -> None:
    wrong = []
    for row in (row for row in read(CASES) + read(KINDS) if row["axis"] == axis):
        result = ENGINE.swap(row["text"], (axis,), (row["from"], row["to"]) if row["from"] else None)
        if not accepted(row["expected"], result.swapped):
            wrong.append((row["text"], result.swapped, row["expected"]))
        if result.changed and result.reversible:
            assert ENGINE.undo(result).swapped == row["text"]
    assert wrong == []


def test_public_people_keep_their_names_unless_asked() -> None:
    text = "Taylor Swift released her album."
    assert not swap(text).changed
    engine = Engine.from_config(CounterfactualConfig(real_people="swap"))
    assert engine.swap(text).swapped == "Taylor Swift released his album."
    assert engine.swap("Marie Curie won her prize.").swapped == "Harold Curie won his prize."


def test_any_full_name_is_kept_and_a_setting_swaps_those_that_no_list_holds() -> None:
    text = "Lavoy Hedlund lost his keys."
    (refusal, *_) = swap(text).refusals
    assert refusal.reason == "fact: Lavoy Hedlund may be a real person"
    known = Engine.from_config(CounterfactualConfig(real_people="known"))
    assert known.swap("Mary Hedlund lost her keys.").swapped == "James Hedlund lost his keys."
    assert not known.swap("Marie Curie won her prize.").changed
    assert RunConfig().counterfactual.real_people == "known"  # the benchmark's people are invented


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("In 1946 Kochi moved to a Chinese factory town.", "nationality"),  # an event with its date
        ("Irish nationalism divided the island.", "nationality"),
        ("Karaite Judaism rejects the later books.", "religion"),
        ("Hollander, Ruth B., ed. Letters of a Nurse. pp. 3.", "gender"),
        ("Amelia Storr: Her Own Story", "gender"),
        ("The Storr Valley Nine are an American quartet.", "nationality"),
    ],
)
def test_reports_works_and_definitions_are_left_alone(text: str, axis: str) -> None:
    result = swap(text, axis)
    assert not result.changed
    assert {refusal.code for refusal in result.refusals} <= {"fact", "entity", "surname", "not-a-name"}


def test_talk_may_name_a_year() -> None:
    text = "I met a Mexican guy in 2019."
    assert swap(text, "nationality").swapped == "I met an American guy in 2019."


def test_a_group_is_never_named_twice() -> None:
    result = swap("Latinos and Latinas marched.", "race-color", ("latino", "white"))
    assert not result.changed
    assert result.refusals[0].reason == "whole: 'Whites and Whites' would name one group twice"


def test_context_of_the_group_stops_the_axis_and_of_another_group_does_not() -> None:
    assert not swap("A Muslim woman in a hijab left.", "religion").changed
    assert swap("A Jewish man saw a hijab.", "religion").swapped == "A Christian man saw a hijab."


def test_code_and_addresses_are_no_text() -> None:
    assert not swap("if (man == null) { return woman; }").changed
    assert (
        swap("She read https://x.org/?for=her <i>twice</i>.").swapped
        == "He read https://x.org/?for=her <i>twice</i>."
    )


def test_sentences_that_no_rule_was_tuned_on() -> None:
    """The guide's error rate: 121 of 126 were right when they were first read."""
    rows = read(FRESH)
    right = sum(
        accepted(
            row["expected"],
            ENGINE.swap(
                row["text"], (row["axis"],), (row["from"], row["to"]) if row["from"] else None
            ).swapped,
        )
        for row in rows
    )
    assert (len(rows), right >= 121) == (126, True)
