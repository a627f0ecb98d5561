"""The lexicon: groups with aligned forms, read from TOML and checked.

A file holds one axis. Top-level keys: ``axis``, ``pairs`` (groups that may change places, each invertible),
``default`` (the partner of a group when the caller names none), ``asked`` (groups produced only on request),
``protect`` (phrases that look like terms and are not), ``facts`` (words that make a swap false), ``context`` (words
that belong to one group and have no counterpart). Every other table is a *rule*: ``slots`` names the forms,
``columns`` the groups, and each row aligns one concept across the groups, forms joined by ``/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from counterpoise.counterfactual.casing import kind_of
from counterpoise.counterfactual.forms import plural
from counterpoise.counterfactual.lexicon import Axis, Concept, Lexicon, Phrase, Reading
from counterpoise.counterfactual.records import AXES
from counterpoise.errors import DataError
from counterpoise.toml import parse_toml

_RESERVED = frozenset({"axis", "pairs", "default", "asked", "protect", "facts", "context"})
_OPTIONS = frozenset({"also", "guard", "confidence", "weak", "free", "slots", "columns", "rows", "about"})
_REMEDY = "`counterpoise lexicon lint --help` shows the format"


def builtin_texts() -> dict[str, str]:
    """File name → content of the lexicon that comes with the package."""
    folder = resources.files("counterpoise.counterfactual") / "lexicon"
    return {
        item.name: item.read_text(encoding="utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".toml")
    }


def read_user_file(path: Path) -> str:
    """The text of a user's lexicon.

    Raises:
        DataError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot read the lexicon: {error}", "give a UTF-8 TOML file") from None


def load(user: Path | None = None) -> Lexicon:
    """The built-in lexicon, with a user's file added.

    A term of the user's file replaces every built-in reading of that term on the same axis.

    Raises:
        DataError: a file is not valid; the message names file, rule and row.
    """
    lexicon = Lexicon({name: Axis(name) for name in AXES})
    for name, text in builtin_texts().items():
        add(lexicon, text, name)
    if user is not None:
        add(lexicon, read_user_file(user), str(user), override=True)
    return lexicon


def add(lexicon: Lexicon, text: str, where: str, override: bool = False) -> Axis:
    """Adds one file's text to ``lexicon`` and returns the axis it belongs to.

    Raises:
        DataError: the text is not a valid lexicon.
    """
    try:
        data = parse_toml(text)
    except ValueError as error:
        raise DataError(f"{where}: not valid TOML: {error}", _REMEDY) from None
    name = data.get("axis")
    if not isinstance(name, str):
        raise DataError(f'{where}: no `axis = "…"` line', _REMEDY)
    axis = lexicon.axes.setdefault(name, Axis(name))
    new = _parsed(data, name, where)
    if override:
        mine = {reading.form.lower() for reading in new.readings}
        axis.readings = [reading for reading in axis.readings if reading.form.lower() not in mine]
    axis.pairs += [pair for pair in new.pairs if pair not in axis.pairs]
    axis.default = {**axis.default, **new.default}
    axis.asked |= new.asked
    axis.concepts += new.concepts
    axis.readings += new.readings
    axis.phrases += new.phrases
    return axis


def _parsed(data: Mapping[str, Any], name: str, where: str) -> Axis:
    axis = Axis(name)
    axis.pairs = [_pair(item, where) for item in data.get("pairs", [])]
    axis.default = dict(data.get("default", {}))
    axis.asked = frozenset(data.get("asked", ()))
    axis.phrases = [*_protected(data, name), *_facts(data, name)]
    for rule, table in data.items():
        if rule in _RESERVED:
            continue
        if not isinstance(table, dict) or "rows" not in table or "slots" not in table:
            raise DataError(f"{where}, [{rule}]: expected a table with `slots` and `rows`", _REMEDY)
        unknown = set(table) - _OPTIONS
        if unknown:
            raise DataError(f"{where}, [{rule}]: unknown key {', '.join(sorted(unknown))}", _REMEDY)
        for number, row in enumerate(table["rows"]):
            _add_row(axis, rule, table, row, f"{where}, [{rule}] row {number + 1}")
    return axis


def _pair(item: Any, where: str) -> tuple[str, str]:
    if not (isinstance(item, list) and len(item) == 2 and item[0] != item[1]):
        raise DataError(f"{where}: pairs has {item!r}; expected two different groups", _REMEDY)
    return str(item[0]), str(item[1])


def _protected(data: Mapping[str, Any], axis: str) -> Iterable[Phrase]:
    for reason, phrases in data.get("protect", {}).items():
        for phrase in phrases:
            yield Phrase(axis, phrase.lstrip("="), f"entity: {reason}", exact=phrase.startswith("="))


def _facts(data: Mapping[str, Any], axis: str) -> Iterable[Phrase]:
    for reason, phrases in data.get("facts", {}).items():
        for phrase in phrases:
            yield _fact(axis, phrase, reason, "")
    for group, phrases in data.get("context", {}).items():
        for phrase in phrases:
            yield _fact(axis, phrase, f"has no counterpart for a group other than {group}", group)


def _fact(axis: str, phrase: str, reason: str, group: str) -> Phrase:
    exact = phrase.startswith("=")
    return Phrase(axis, phrase.lstrip("="), f"fact: {reason}", fact=True, exact=exact, group=group)


def _add_row(axis: Axis, rule: str, table: Mapping[str, Any], row: Any, where: str) -> None:
    slots = tuple(table["slots"])
    if isinstance(row, list):
        columns = table.get("columns", [])
        if len(columns) != len(row):
            raise DataError(f"{where}: {len(row)} cells for {len(columns)} columns", _REMEDY)
        row = dict(zip(columns, row, strict=True))
    option = {**table, **{key: value for key, value in row.items() if key in _OPTIONS}}
    cells = {key: value for key, value in row.items() if key not in _OPTIONS and value}
    if not all(isinstance(cell, str) for cell in cells.values()):
        raise DataError(f"{where}: every cell must be text", _REMEDY)
    concept = Concept(
        axis=axis.name,
        rule=rule,
        slots=slots,
        forms={group: _forms(cell.replace("~", ""), slots, where) for group, cell in cells.items()},
        guard=option.get("guard", ""),
        confidence=float(option.get("confidence", 1.0)),
        weak=bool(option.get("weak", False)),
        free=frozenset(option.get("free", ())),
        silent=frozenset(_silent(cells, slots)),
    )
    if len(concept.forms) < 2:
        raise DataError(f"{where}: a row needs the forms of at least two groups", _REMEDY)
    axis.concepts.append(concept)
    for group, forms in concept.forms.items():
        axis.readings += _readings(concept, group, forms, alias=False)
    for group, aliases in row.get("also", {}).items():
        for cell in aliases:
            axis.readings += _readings(concept, group, _forms(cell, slots, where), alias=True)


def _readings(concept: Concept, group: str, forms: tuple[str | None, ...], alias: bool) -> list[Reading]:
    return [
        Reading(concept, group, slot, form, alias, kind_of(form, group in concept.free))
        for slot, form in zip(concept.slots, forms, strict=True)
        if form and (alias or (group, slot) not in concept.silent)
    ]


def _silent(cells: Mapping[str, str], slots: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    for group, cell in cells.items():
        for slot, form in zip(slots, cell.split("/"), strict=False):
            if form.startswith("~"):
                yield group, slot


def _forms(cell: Any, slots: tuple[str, ...], where: str) -> tuple[str | None, ...]:
    if not isinstance(cell, str):
        raise DataError(f"{where}: {cell!r} is not text", _REMEDY)
    forms: list[str | None] = [None if form in {"-", ""} else form for form in cell.split("/")]
    if len(forms) == len(slots) - 1 and slots[-1] == "plural" and forms[-1]:
        forms.append(plural(forms[-1]))
    if len(forms) != len(slots):
        raise DataError(f"{where}: {cell!r} has {len(forms)} forms for the slots {'/'.join(slots)}", _REMEDY)
    return tuple(forms)
