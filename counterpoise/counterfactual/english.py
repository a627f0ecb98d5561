"""The word lists of ``english.toml`` as sets."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
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
    rows = [row for table in tables for row in table["rows"]]
    names = frozenset(name.lower() for row in rows for name in row)
    female = frozenset(row[0].lower() for row in rows) - lists["name_words"]
    known = {"first_names": names | lists["unisex"] | lists["other_names"], "female_names": female}
    return {**lists, **known, "paired": _paired()}


def _paired() -> frozenset[str]:
    """Every word of the gender lexicon."""
    tables = _read("lexicon/gender.toml").values()
    rows = (row for table in tables if isinstance(table, dict) for row in table.get("rows", ()))
    cells = (cell for row in rows for cell in _cells(row))
    return frozenset(
        word + ending for cell in cells for word in cell.lower().split("/") for ending in ("", "s")
    )


def _cells(row: Any) -> Iterator[str]:
    values = row if isinstance(row, list) else row.values()
    for value in values:
        if isinstance(value, str):
            yield value.replace("~", "")
        elif isinstance(value, dict):
            for more in value.values():
                yield from more


@cache
def public_people() -> tuple[str, ...]:
    """Names of people, real or from fiction, that a reader knows; as written, from ``people.toml``."""
    return tuple(name for names in _read("people.toml").values() for name in names)


@cache
def words(*names: str) -> frozenset[str]:
    """The named lists together, in lower case; ``first_names`` is every name the lexicon pairs, and the unisex ones."""
    return frozenset().union(*(_lists()[name] for name in names))


@cache
def vocabulary() -> frozenset[str]:
    """Every word of any list: a capitalised word outside it may be a name that the lexicon lacks."""
    return frozenset().union(*_lists().values())
