"""The lexicon, a user's own file, and what lint finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.counterfactual import AXES, CounterfactualConfig, Engine
from counterpoise.counterfactual.fingerprint import lexicon_hash
from counterpoise.counterfactual.lexicon import Lexicon
from counterpoise.counterfactual.lexicon_file import add, load
from counterpoise.counterfactual.lint import lint
from counterpoise.errors import DataError

OWN = """
axis = "gender"

[pets]
slots = ["singular", "plural"]
columns = ["female", "male"]
rows = [["tabby", "tomcat"], ["vixen", "reynard"], ["mother", "sire"]]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_axis_has_groups_terms_and_defaults() -> None:
    lexicon = load()
    assert tuple(lexicon.axes) == AXES
    for axis in lexicon.axes.values():
        assert axis.readings
        assert set(axis.default) == set(axis.groups)


def test_the_builtin_lexicon_has_no_errors_and_no_warnings() -> None:
    assert [item for item in lint() if item.level != "note"] == []


def test_first_names_are_one_to_one() -> None:
    concepts = [c for c in load().axes["gender"].concepts if c.slots == ("name",)]
    names = [form for concept in concepts for (form,) in concept.forms.values()]
    assert len(names) == len(set(names)) > 1_000


def test_own_terms_are_added_and_win(tmp_path: Path) -> None:
    engine = Engine.from_config(CounterfactualConfig(lexicon=write(tmp_path, OWN)))
    assert engine.swap("Two tabbies met her mother.").swapped == "Two tomcats met his sire."


def test_an_own_axis_works_like_the_builtin_ones(tmp_path: Path) -> None:
    text = """
    axis = "profession"
    pairs = [["doctor", "nurse"]]
    default = { doctor = "nurse", nurse = "doctor" }
    [jobs]
    slots = ["singular", "plural"]
    columns = ["doctor", "nurse"]
    rows = [["doctor", "nurse"]]
    """
    engine = Engine.from_config(CounterfactualConfig(lexicon=write(tmp_path, text)))
    assert engine.swap("The Doctors met a nurse.", ("profession",)).refusals[0].code == "entity"
    assert engine.swap("Doctors met a nurse.", ("profession",)).swapped == "Nurses met a doctor."


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    plain = lexicon_hash(CounterfactualConfig())
    own = lexicon_hash(CounterfactualConfig(lexicon=write(tmp_path, OWN)))
    assert plain == lexicon_hash(CounterfactualConfig(names=False)) != own
    assert own != lexicon_hash(CounterfactualConfig(lexicon=write(tmp_path, OWN + "\n")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axis = ", "not valid TOML"),
        ("[a]\nslots=['x']\nrows=[]", "no `axis"),
        ("axis='gender'\n[a]\nrows=[]", "a table with `slots` and `rows`"),
        ("axis='gender'\n[a]\nslots=['x']\nrow=1\nrows=[]", "unknown key row"),
        ("axis='gender'\n[a]\nslots=['x']\ncolumns=['f']\nrows=[['a','b']]", "2 cells for 1 columns"),
        ("axis='gender'\n[a]\nslots=['x','y']\ncolumns=['f','m']\nrows=[['a','b/c']]", "'a' has 1 forms"),
        ("axis='gender'\n[a]\nslots=['x']\ncolumns=['f','m']\nrows=[['a','']]", "at least two groups"),
        ("axis='gender'\npairs=[['a']]", "two different groups"),
    ],
)
def test_broken_files_are_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        add(Lexicon(), text, "own.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


def test_lint_reports_collisions_missing_inverses_and_ambiguity(tmp_path: Path) -> None:
    text = """
    axis = "gender"
    pairs = [["female", "male"], ["cat", "dog"]]
    [clash]
    slots = ["singular"]
    columns = ["female", "male"]
    rows = [["hen", "cock"], ["hen", "rooster"]]
    [one_way]
    slots = ["singular"]
    rows = [{ female = "filly", male = "colt", also = { female = ["mare"] } }]
    [stray]
    slots = ["word"]
    guard = "wings"
    columns = ["female", "martian"]
    rows = [["queenish", "martian"]]
    [either]
    slots = ["adjective", "singular"]
    columns = ["female", "male"]
    rows = [["doe/doe", "bucky/buck"]]
    """
    findings = {(item.level, item.term): item.message for item in lint(write(tmp_path, text))}
    assert "nothing tells them apart" in findings["error", "hen"]
    assert "one way" in findings["note", "mare"]
    assert "ambiguous" in findings["note", "doe"]
    messages = " ".join(item.message for item in lint(write(tmp_path, text)))
    assert "unknown guard 'wings'" in messages
    assert "group 'martian' is in no pair" in messages
    assert "group 'cat' is in a pair and has no term" in messages
