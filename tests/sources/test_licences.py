"""A licence that must be accepted is accepted by a person, in a flag or a variable, or the source stays shut."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from counterpoise.errors import DataError, LicenceError, UnreachableError
from counterpoise.flows.commands import score
from counterpoise.flows.commands.run import run_flow
from counterpoise.flows.configure import load_config, profile_names
from counterpoise.sources.datasets import require_licence
from counterpoise.sources.fetch import fetch
from counterpoise.sources.licences import VARIABLE, accept, accepted, require_accepted
from counterpoise.sources.registry import get_source, registry
from counterpoise.sources.source import Source
from tests.sources.conftest import CONTENT, a_source

GUARDED = {"gemma3-270m", "gemma-2-2b"}


@pytest.fixture(autouse=True)
def nothing_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


def guarded(tmp_path: Path, content: bytes = CONTENT) -> Source:
    mine = tmp_path / "weights"
    mine.write_bytes(content)
    return replace(a_source(f"file:{mine}"), accept="mine", licence="My Terms")


def test_which_sources_ask() -> None:
    asking = {name for name, source in registry().items() if source.accept}
    assert asking == GUARDED
    assert {get_source(name).terms for name in GUARDED} == {"gemma-terms"}


def test_no_profile_accepts_and_the_default_model_asks_nothing() -> None:
    models = {name: load_config(name).model.source for name in profile_names()}
    assert {name for name, source in models.items() if source in GUARDED} == GUARDED
    assert require_licence(models["local"]) == ""


def test_it_is_refused_until_it_is_accepted(tmp_path: Path, cache: Path) -> None:
    source = guarded(tmp_path)
    with pytest.raises(LicenceError, match=f"My Terms.*pass --accept-licence mine, or set {VARIABLE}=mine"):
        fetch(source, cache)
    assert not cache.exists()
    accept(["other"])
    with pytest.raises(LicenceError):
        fetch(source, cache)
    accept(["mine"])
    assert accepted() == {"mine", "other"}
    assert fetch(source, cache).read_bytes() == CONTENT


def test_a_copy_in_the_cache_needs_it_as_well(tmp_path: Path, cache: Path) -> None:
    source = guarded(tmp_path)
    accept(["mine"])
    fetch(source, cache)
    os.environ[VARIABLE] = ""
    with pytest.raises(LicenceError):
        fetch(source, cache)


def test_the_text_is_named_where_it_can_be_had(tmp_path: Path) -> None:
    source = replace(guarded(tmp_path), terms="the-terms")
    with pytest.raises(LicenceError, match=r"My Terms, text in /terms/the-terms — read it"):
        require_accepted(source, lambda name: Path("/terms") / name)

    def unreachable(name: str) -> Path:
        raise UnreachableError("no network")

    with pytest.raises(LicenceError, match="My Terms — read it"):
        require_accepted(source, unreachable)


def test_a_run_ends_before_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(LicenceError, match="gemma3-270m: you have not accepted its licence, the Gemma Terms"):
        run_flow(load_config("gemma3-270m"), str(tmp_path / "store"), False)
    assert not (tmp_path / "store").exists()


def test_the_flag_accepts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "cache"))
    missing = ["--benchmark", "perplexity", "--data", str(tmp_path / "none.txt")]
    done = CliRunner().invoke(score.command, ["gemma3-270m", "--accept-licence", "gemma", *missing])
    assert isinstance(done.exception, DataError)  # for the missing file: past the options
    assert accepted() == {"gemma"}
    assert require_licence("gemma3-270m").startswith("Gemma Terms of Use")
