"""What is printed as a remedy does what it says: it is run as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.artifacts.store import Store
from counterpoise.extras import install_command
from counterpoise.flows.cli import main
from counterpoise.flows.sweep_plan import branches, load_plan
from tests.artifacts.making import commit, parts


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(arguments)
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_gc_says_why_nothing_goes_and_its_command_frees_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "my store")
    commit(store, parts(), {"a": bytes(2_000_000)})
    said = printed(["gc", "--store", store.url], capsys)
    assert "2.0 MB younger would go with" in said
    (command,) = re.findall(r"with: (counterpoise gc .*)", said)
    assert "deleted" in printed(shlex.split(command)[1:], capsys)
    assert list((tmp_path / "my store" / "manifests").rglob("*.json")) == []
    assert "the runs kept need everything" in printed(["gc", "--store", store.url], capsys)


def test_the_command_that_lists_runs_is_about_the_store_that_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "my store")
    for name in ("20260101-a", "20260101-b"):
        store.write_run(name, {"status": "failed", "stages": []})
    said = printed(["show", "20260101", f"--store={store.url}"], capsys)
    assert "matches 2 runs (20260101-a, 20260101-b)" in said
    (command,) = re.findall(r"`(counterpoise [^`]*)`", said)
    assert shlex.split(command) == ["counterpoise", "runs", "--store", store.url]


def test_the_formats_that_help_shows_are_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (command, first) in enumerate(((["lexicon", "lint"], "axis = "), (["sweep"], "name = "))):
        lines = printed([*command, "--help"], capsys).splitlines()
        start = next(n for n, line in enumerate(lines) if line.strip().startswith(first))
        shown = "\n".join(line.strip() for line in lines[start : lines.index("", start)])
        (tmp_path / f"{number}.toml").write_text(shown)
    assert "0 errors" in printed(["lexicon", "lint", str(tmp_path / "0.toml")], capsys)
    assert len(branches(load_plan(tmp_path / "1.toml", ()))) == 4, "two recipes × two seeds"


def test_an_unknown_source_is_told_the_names_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(["plan", "--profile", "smoke", "--set", "pairs.source=zzzzzz"], capsys)
    assert "smoke-pairs" in said
    assert "registry.toml" not in said


def test_the_line_that_installs_an_extra_is_this_interpreters_pip() -> None:
    python, *rest = shlex.split(install_command("counterpoise[demo]"))
    assert python == sys.executable
    assert rest == ["-m", "pip", "install", "counterpoise[demo]"]
    version = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("pip ")
