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
