"""What is remembered of sources: never more than what reading them again would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.artifacts import code_hash
from counterpoise.artifacts.code_memo import CodeMemo


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COUNTERPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "noted").mkdir()
    (tmp_path / "noted" / "__init__.py").write_text("")
    (tmp_path / "noted" / "other.py").write_text("name = 1\n")
    (tmp_path / "noted" / "model.py").write_text("from . import other, gone\n")
    return tmp_path / "noted"


def hashes(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], int]:
    """As a new process finds them, and how many sources it had to parse."""
    parsed: list[str] = []
    read = code_hash._read
    code_hash._parse.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(code_hash, "MEMO", CodeMemo())
        patch.setattr(code_hash, "_read", lambda *given: parsed.append(given[0]) or read(*given))
        return code_hash.code_hashes(["noted.model"], ("noted",)), len(parsed)


def test_a_second_process_parses_nothing_and_finds_the_same(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, parsed = hashes(monkeypatch)
    assert (sorted(first), parsed) == (["noted", "noted.model", "noted.other"], 3)
    assert hashes(monkeypatch) == (first, 0)


def test_an_edited_source_is_read_again_and_the_old_one_found_again(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = hashes(monkeypatch)
    (package / "other.py").write_text("name = 2\n")
    second, parsed = hashes(monkeypatch)
    assert parsed == 1
    assert [name for name in first if first[name] != second[name]] == ["noted.other"]
    (package / "other.py").write_text("name = 1\n")
    assert hashes(monkeypatch) == (first, 0)


def test_a_module_that_comes_to_be_is_found_though_its_importer_is_remembered(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes(monkeypatch)
    (package / "gone.py").write_text("there = True\n")
    assert "noted.gone" in hashes(monkeypatch)[0]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff"])
def test_a_damaged_memo_costs_time_only(
    package: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    first, _ = hashes(monkeypatch)
    (package.parent / "cache" / "code.json").write_bytes(damage)
    assert hashes(monkeypatch) == (first, 3)


def test_a_memo_that_cannot_be_written_costs_time_only(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package.parent / "cache").write_text("a file where the folder would be")
    first, _ = hashes(monkeypatch)
    assert hashes(monkeypatch) == (first, 3)
