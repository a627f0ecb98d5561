"""The word lists of ``english.toml`` as sets."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any


def _read(name: str) -> dict[str, Any]:
    folder = resources.files("counterpoise.counterfactual")
    return tomllib.loads((folder / name).read_text(encoding="utf-8"))


@cache
def _lists() -> dict[str, frozenset[str]]:
    lists = {name: frozenset(words.lower().split()) for name, words in _read("english.toml").items()}
    tables = [table for table in _read("lexicon/names.toml").values() if isinstance(table, dict)]
    names = (name.lower() for table in tables for row in table["rows"] for name in row)
    return {**lists, "first_names": frozenset(names) | lists["unisex"] | lists["other_names"]}


@cache
def words(name: str) -> frozenset[str]:
    """The named list, in lower case; ``first_names`` is every name the lexicon pairs, and the unisex ones."""
    return _lists()[name]
