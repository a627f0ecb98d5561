"""Files and settings that people edit: byte order marks, depth, size, slips of the pen, passwords."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.config import RunConfig
from counterpoise.counterfactual.lexicon_file import load
from counterpoise.errors import UsageError
from counterpoise.flows.cli import main, without_password
from counterpoise.flows.configure import load_config
from counterpoise.toml import LARGEST, read_toml
from counterpoise.validation import validated

BOM = "\ufeff"


def test_a_profile_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(BOM + "seed = 7\n", encoding="utf-8")
    assert load_config(str(file)).seed == 7


def test_a_lexicon_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(BOM + 'axis = "gender"\n', encoding="utf-8")
    assert "gender" in load(file).axes


def test_sources_with_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterpoise.sources.registry import registry  # noqa: PLC0415

    file = tmp_path / "sources.toml"
    file.write_text(BOM + '[crows-pairs]\nuris = ["https://mirror.intern/pairs.csv"]\n', encoding="utf-8")
    monkeypatch.setenv("COUNTERPOISE_SOURCES", str(file))
    assert registry()["crows-pairs"].uris[0] == "https://mirror.intern/pairs.csv"


def test_a_first_line_with_a_byte_order_mark(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise.flows.cli", "swap"],
        input=(BOM + "She left.\n").encode(), capture_output=True, cwd=root, check=True,
    )  # fmt: skip
    assert done.stdout == b"He left.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"), ("#" * (LARGEST + 1), "the most is 4,194,304")],
)
def test_deep_or_huge_toml_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=expected):
        read_toml(file)
    with pytest.raises(UsageError, match=expected):
        load_config(str(file))


def test_a_hundred_problems_are_told_in_eight() -> None:
    with pytest.raises(UsageError) as raised:
        validated(RunConfig, {f"key{number}": "x" for number in range(100)}, "profile x")
    assert str(raised.value).count("unknown key") == 8
    assert "and 92 more" in str(raised.value)
    with pytest.raises(UsageError) as raised:
        validated(RunConfig, {"seed": "9" * 5000 + "x"}, "profile x")
    assert len(str(raised.value)) < 400


def test_a_variable_that_nothing_reads_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERPOISE_STOR", "/data/store")
    with pytest.raises(SystemExit):
        main(["lexicon", "--help"])
    assert capsys.readouterr().err.startswith(
        "counterpoise: COUNTERPOISE_STOR is no setting, and ignored; known: COUNTERPOISE_STORE"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:secret@proxy:3128 refused", "http://ann:***@proxy:3128 refused"),
        ("http://:secret@host/api", "http://:***@host/api"),
        ("http://ann:se:cr@et@host/api", "http://ann:***@host/api"),
        ("http://a:secret@b/ http://c:secret@d/", "http://a:***@b/ http://c:***@d/"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("http://host:4200/api", "http://host:4200/api"),
        ("hf://owner/name@commit", "hf://owner/name@commit"),
    ],
)
def test_passwords_are_not_repeated(text: str, shown: str) -> None:
    assert without_password(text) == shown
