"""The word lists of ``english.toml`` as sets."""

from __future__ import annotations

import re
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
    names = _paired_names()
    female = frozenset(row[0].lower() for row in _name_rows()) - lists["name_words"]
    known = {"first_names": names | lists["unisex"] | lists["other_names"], "female_names": female}
    return {**lists, **known, "paired": _paired()}


def _name_rows() -> list[list[str]]:
    tables = [table for table in _read("lexicon/names.toml").values() if isinstance(table, dict)]
    return [row for table in tables for row in table["rows"]]


@cache
def _paired_names() -> frozenset[str]:
    return frozenset(name.lower() for row in _name_rows() for name in row)


def _paired() -> frozenset[str]:
    """Every word of the gender lexicon."""
    forms = (form for cell in _terms("gender") for form in cell.split("/"))
    return frozenset(form + ending for form in forms for ending in ("", "s"))


@cache
def peoples() -> frozenset[str]:
    """Every word of the lexicons of nations, faiths and colours: each may have a capital."""
    cells = (cell for axis in ("nationality", "religion", "race-color") for cell in _terms(axis))
    return frozenset(re.findall(r"[^\W\d_]+", " ".join(cells)))


def _terms(axis: str) -> Iterator[str]:
    """The cells of every row of a lexicon, in lower case."""
    for table in _read(f"lexicon/{axis}.toml").values():
        listed = isinstance(table, dict) and table.get("slots") != ["name"]
        for row in table.get("rows", ()) if listed else ():
            yield from (cell.lower() for cell in _cells(row))


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
def unpaired_names() -> frozenset[str]:
    """First names of men or women that no row pairs, and that are no other word."""
    lists = _lists()
    others = (listed for name, listed in lists.items() if name not in {"other_names", "first_names"})
    return lists["other_names"].difference(*others) - _paired_names()


@cache
def words(*names: str) -> frozenset[str]:
    """The named lists together, in lower case; ``first_names`` is every name the lexicon pairs, and the unisex ones."""
    return frozenset().union(*(_lists()[name] for name in names))


@cache
def vocabulary() -> frozenset[str]:
    """Every word of any list: a capitalised word outside it may be a name that the lexicon lacks."""
    return frozenset().union(*_lists().values())
