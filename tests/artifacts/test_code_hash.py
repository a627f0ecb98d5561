"""Which edits change the hash of a stage's code, and which never do."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.artifacts.code_hash import code_hashes, dumped
from counterpoise.errors import StoreError

MODEL = '''"""A module."""
from __future__ import annotations

LIMIT = 3
"""An attribute's text."""


def scale(value: float) -> float:
    """Doubles."""
    return value * 2
'''

TREE = {
    "__init__.py": "",
    "model.py": MODEL,
    "direct.py": "import sample.model\n",
    "of.py": "from sample.model import scale\n",
    "sub_of.py": "from sample import model\n",
    "relative.py": "from . import model\n",
    "inside.py": "def run():\n    from sample.model import scale\n    return scale(1)\n",
    "dynamic.py": "import importlib\nget = lambda: importlib.import_module('sample.model')\n",
    "chain.py": "from sample.of import scale\n",
    "typing_only.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sample.model\n",
    "alone.py": "import json, os.path\n",
    "cycle_a.py": "import sample.cycle_b\n",
    "cycle_b.py": "import sample.cycle_a\n",
    "nested/__init__.py": "from .deep import value\n",
    "nested/deep.py": "from ..model import LIMIT as value\n",
    "uses_nested.py": "from sample.nested.other import x\n",
    "nested/other.py": "x = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "sample"
    for name, text in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    assert not [name for name in sys.modules if name.partition(".")[0] == "sample"], (
        "hashing imported a module"
    )


def hashes(module: str) -> dict[str, str]:
    return code_hashes([module], ("sample",))


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("direct", {"model"}),
        ("of", {"model"}),
        ("sub_of", {"model"}),
        ("relative", {"model"}),
        ("inside", {"model"}),
        ("dynamic", {"model"}),
        ("chain", {"of", "model"}),
        ("typing_only", set()),
        ("alone", set()),
        ("cycle_a", {"cycle_b"}),
        ("nested", {"nested.deep", "model"}),
        ("uses_nested", {"nested", "nested.deep", "nested.other", "model"}),
    ],
)
def test_transitive_imports_inside_the_package_are_found(package: Path, module: str, found: set[str]) -> None:
    expected = {"sample", f"sample.{module}", *(f"sample.{name}" for name in found)}
    assert set(hashes(f"sample.{module}")) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""', '"""Another text."""'),
        ('"""A module."""\n', ""),
        ('    """Doubles."""\n', ""),
        ('"""An attribute\'s text."""\n', ""),
        ("LIMIT = 3", "LIMIT = 3  # three"),
        ("LIMIT = 3", "\n\n\n# a remark\nLIMIT   =   3"),
        ("return value * 2", "return (value * 2)"),
        ("return value * 2", "return (\n        value\n        * 2\n    )"),
    ],
)
def test_edits_that_cannot_change_a_result_do_not_change_the_hash(package: Path, old: str, new: str) -> None:
    before = hashes("sample.chain")
    assert old in MODEL
    (package / "model.py").write_text(MODEL.replace(old, new, 1))
    assert hashes("sample.chain") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("value * 2", "2 * value"),
        ("def scale(value", "def scale(amount"),
        ("return value * 2", "value *= 2\n    return value"),
        ("LIMIT = 3", "LIMIT = 3\nEXTRA = 1"),
    ],
)
def test_edits_that_may_change_a_result_change_that_module_alone(package: Path, old: str, new: str) -> None:
    before = hashes("sample.chain")
    (package / "model.py").write_text(MODEL.replace(old, new, 1))
    after = hashes("sample.chain")
    assert {name for name in after if after[name] != before[name]} == {"sample.model"}


WORDS = """
import logging
from typing import TYPE_CHECKING
from pydantic import Field
from counterpoise.errors import DataError, SourceError
if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG = logging.getLogger(__name__)
_REMEDY = "give a number"
_UNIT = "nats"


class Config:
    rank: int = Field(8, ge=1, description="Rank of the update")


def read(rows, path, stream):
    assert rows, "there are rows"
    if len(rows) > 3:
        raise DataError(f"{path}: {len(rows)} rows", "leave some out")
    if not path:
        raise ValueError("no path: " + ", ".join(rows))
    if path == "here":
        raise (SourceError if rows else DataError)(f"{path} is gone", _REMEDY)
    if path == "end":
        raise StopIteration("last")
    if path == "next":
        raise DataError(f"row {next(stream)} is bad")
    _LOG.warning("%s is slow", path)
    stream.warning("kept")
    return f"{path} in {_UNIT}", DataError(f"not {path}")
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Rank of the update", "Rank"),
        (', description="Rank of the update"', ""),
        ("there are rows", "rows are there"),
        (', "there are rows"', ""),
        ("{path}: {len(rows)} rows", "{len(rows)} rows in {path!r}"),
        ("leave some out", "leave out some"),
        ("no path: ", "path missing: "),
        ("is gone", "is not there"),
        ("give a number", "give two numbers"),
        ("%s is slow", "%s takes long"),
        ("not {path}", "no {path}"),
        ("{next(stream)} is bad", "{next(stream)} is not good"),
        ("Sequence", "Mapping"),
    ],
)
def test_words_that_only_people_read_do_not_change_the_hash(package: Path, old: str, new: str) -> None:
    (package / "model.py").write_text(WORDS)
    before = hashes("sample.model")
    assert old in WORDS
    (package / "model.py").write_text(WORDS.replace(old, new))
    assert hashes("sample.model") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8, ge=1", "8, ge=2"),
        ("Field(8", "Field(9"),
        ('"nats"', '"bits"'),
        ('"last"', '"first"'),
        ("next(stream)", "stream"),
        ('"kept"', '"left"'),
        ("> 3", "> 4"),
        ("in {_UNIT}", "of {_UNIT}"),
        ('raise DataError(f"{path}: {len', 'raise SourceError(f"{path}: {len'),
        ("assert rows", "assert not rows"),
    ],
)
def test_values_and_what_a_message_calls_do(package: Path, old: str, new: str) -> None:
    (package / "model.py").write_text(WORDS)
    before = hashes("sample.model")
    assert old in WORDS
    (package / "model.py").write_text(WORDS.replace(old, new))
    assert hashes("sample.model") != before


def test_a_text_that_is_read_elsewhere_counts(package: Path) -> None:
    (package / "model.py").write_text(WORDS + "print(_REMEDY)\n")
    before = hashes("sample.model")
    (package / "model.py").write_text(WORDS.replace("give a number", "x") + "print(_REMEDY)\n")
    assert hashes("sample.model") != before


def test_what_is_left_out_is_not_followed(package: Path) -> None:
    assert set(code_hashes(["sample.chain"], ("sample",), {"sample.of"})) == {"sample", "sample.chain"}


comments = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\r\f\x0b\x00", exclude_categories=["Cs"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(lines=st.lists(st.tuples(st.integers(3, 9), comments), max_size=5))
def test_no_comment_anywhere_changes_the_hash(package: Path, lines: list[tuple[int, str]]) -> None:
    (package / "model.py").write_text(MODEL)
    before = hashes("sample.model")
    text = MODEL.split("\n")
    for position, comment in lines:
        text.insert(position, f"# {comment}")
    (package / "model.py").write_text("\n".join(text), encoding="utf-8")
    assert hashes("sample.model") == before


EVERY_KIND = """
import os.path as p
from sys import argv

@p.join
async def f(a, /, b: int = 2, *c, d=None, **e) -> None:
    global g
    async with a as x, b: await c
    return lambda: (yield)

class K(B, metaclass=M):
    t: int
    z = [1.5, b"x", ..., None, True, 2j, -3][1:2, ::3]

try: f"{a!r:>{w}} {{b}} {b:<{w}.2f}" "end" f"{c=}"
except* (E, F) as e: raise e from None
else: del a.b, c[0]
for i in {**a, "k": 1}: x += not i if i is not j else {*i} | {k: v for k, v in z if v}
while (n := 1) < 2 <= 3: continue
match v:
    case {"a": [1, *r], **s} | K(1, b=2) as m if m: pass
    case None | "x" | _: ...
"""


def test_the_hash_is_the_same_under_every_python(package: Path) -> None:
    (package / "kinds.py").write_text(EVERY_KIND)
    assert (
        hashes("sample.kinds")["sample.kinds"]
        == "1e749cf8cdeb652f4790c5e6c9700cd023e27d7497da8f8a561f70efe416a72d"
    )


def test_a_syntax_tree_is_told_as_python_3_11_dumps_it() -> None:
    told = "Expr(value=JoinedStr(values=[FormattedValue(value=Name(id='a', ctx=Load()), conversion=-1)]))"
    tree = ast.parse('f"{a}"').body[0]
    assert dumped(tree) == told
    tree.value.values.append(ast.Constant(""))  # as Python 3.12 ends some format specifications
    assert dumped(tree) == told
    made = ast.parse("class K: x = None").body[0]
    body = "body=[Assign(targets=[Name(id='x', ctx=Store())], value=Constant(value=None))]"
    assert dumped(made) == f"ClassDef(name='K', bases=[], keywords=[], {body}, decorator_list=[])"


def test_missing_module_is_named_with_its_importer(package: Path) -> None:
    with pytest.raises(StoreError, match=r"no source file for the module 'sample\.gone'"):
        hashes("sample.gone")
    (package / "of.py").write_text("import sample.gone\n")
    with pytest.raises(StoreError, match=r"'sample\.gone' \(imported by 'sample\.of'\)"):
        hashes("sample.chain")


def test_named_modules_count_wherever_they_are_but_only_the_packages_are_followed(package: Path) -> None:
    assert set(code_hashes(["json.tool", "sample.of"], ("sample",))) == {
        "json.tool", "sample", "sample.of", "sample.model"
    }  # fmt: skip


def test_module_that_does_not_parse_is_named(package: Path) -> None:
    (package / "model.py").write_text("def broken(:\n")
    with pytest.raises(StoreError, match=r"'sample\.model' does not parse"):
        hashes("sample.direct")


def test_unchanged_modules_elsewhere_do_not_count() -> None:
    found = code_hashes(["counterpoise.records"])
    assert set(found) == {"counterpoise", "counterpoise.records", "counterpoise.threads"}
