"""The command line: swap, augment, lexicon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "counterpoise.flows.cli", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_swap_a_sentence() -> None:
    assert run("swap", "She left.").stdout == b"He left.\n"


@pytest.mark.parametrize(("mode", "out"), [("keep", "Mary Hedlund left."), ("known", "James Hedlund left.")])
def test_swap_of_a_full_name(mode: str, out: str) -> None:
    assert run("swap", "--real-people", mode, "Mary Hedlund left.").stdout == f"{out}\n".encode()


def test_swap_json_has_exactly_the_documented_members() -> None:
    (line,) = run("swap", "They gave her an aunt.", "--json").stdout.splitlines()
    data = json.loads(line)
    assert list(data) == ["text", "swapped", "changed", "edits", "refusals"]
    assert list(data["edits"][0]) == ["start", "end", "original", "replacement", "rule"]


def test_swap_refusal_json() -> None:
    data = json.loads(run("swap", "They gave her time.", "--json").stdout)
    assert data["changed"] is False
    assert list(data["refusals"][0]) == ["start", "end", "term", "reason"]


def test_swap_lines_keeps_every_line_and_its_bytes() -> None:
    stdin = b'She left.\r\n\n{"text": "He ran."}\n\xff she\nlast she'
    assert run("swap", stdin=stdin).stdout == b"He left.\r\n\nShe ran.\n\xff she\nlast he"
    rows = [json.loads(line) for line in run("swap", "--json", stdin=stdin).stdout.splitlines()]
    assert [row["changed"] for row in rows] == [True, False, True, False, True]
    assert rows[3]["refusals"][0]["reason"] == "encoding: not valid UTF-8"


def test_swap_directions() -> None:
    words = ["--axis", "religion", "--from", "muslim", "--to", "jewish"]
    assert run("swap", "The imam left the mosque.", *words).stdout == b"The rabbi left the synagogue.\n"
    assert run("swap", "The priest left.", *words).stdout == b"The priest left.\n"


def test_wrong_usage_is_one_line_and_exit_2() -> None:
    for arguments in (
        ["swap", "x", "--axis", "colour"],
        ["swap", "x", "--from", "female"],
        ["swap", "x", "--from", "a", "--to", "b"],
        ["augment", "a.csv", "b.csv", "--drop-implausible"],
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert len(done.stderr.decode().strip().splitlines()) == 1


def test_json_without_text_names_the_line() -> None:
    done = run("swap", stdin=b'She left.\n{"txt": 1}\n')
    assert done.returncode == 1
    assert b"stdin, line 2" in done.stderr


def test_augment_prints_statistics(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "She left."}\n{"text": "Rain."}\n', encoding="utf-8")
    done = run("augment", str(source), str(target), "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert b"2 rows" in done.stdout and b"she \xe2\x86\x92 he" in done.stdout
    data = json.loads(run("augment", str(source), str(target), "--workers", "1", "--json").stdout)
    assert (data["rows"], data["changed"]) == (2, 1)


def test_lexicon_lint_exits_1_on_an_error(tmp_path: Path) -> None:
    assert run("lexicon", "lint").returncode == 0
    own = tmp_path / "own.toml"
    own.write_text(
        'axis = "gender"\n[a]\nslots=["word"]\ncolumns=["female","male"]\nrows=[["hen","cock"],["hen","rooster"]]\n',
        encoding="utf-8",
    )
    done = run("lexicon", "lint", str(own))
    assert done.returncode == 1
    assert b"error: gender: hen: collision" in done.stdout


def test_lexicon_axes() -> None:
    assert "muslim ↔ christian" in run("lexicon", "axes").stdout.decode()
