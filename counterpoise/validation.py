"""Checks what a person has configured, and says in one line what is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from counterpoise.errors import UsageError
from counterpoise.settings import Settings

S = TypeVar("S", bound=Settings)


LISTED = 8
"""Problems told at a time."""
SHOWN = 120
"""Characters of a wrong value."""


def validated(model: type[S], values: dict[str, Any], where: str) -> S:
    """``model`` built from ``values``; every violation in one :class:`UsageError`.

    Args:
        where: the file or flag the values came from, named in the message.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors()[:LISTED]]
        if len(error.errors()) > LISTED:
            problems.append(f"and {len(error.errors()) - LISTED} more")
        raise UsageError(
            f"{where}: " + "; ".join(problems), "correct the value, or remove it to use the default"
        ) from None


def _problem(model: type[BaseModel], detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        given = repr(detail["input"])
        return f"{path} = {given if len(given) <= SHOWN else given[:SHOWN] + '…'}: {_expected(detail)}"
    nearest = nearest_key(model, path)
    known = sorted({key.partition(".")[0] for key in keys(model)})
    hint = f"did you mean {nearest!r}?" if nearest else f"known: {', '.join(known)}"
    return f"unknown key {path!r} ({hint})"


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key of ``model``, sections included, as a dotted path from its root."""
    for name, field in model.model_fields.items():
        yield above + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{above}{name}.")


def nearest_key(model: type[BaseModel], path: str) -> str:
    """The key that was probably meant by ``path``, which is none; empty if nothing is like it.

    A key with the very same last name, wherever it is, comes before one in the same section that is only like it, and
    that before one elsewhere; among equals, what has the most sections in common, then the shortest.

    >>> from counterpoise.config import RunConfig
    >>> [nearest_key(RunConfig, path) for path in ("epochs", "alignment.lora.rnk", "pairs.sead", "xyz")]
    ['alignment.optimisation.epochs', 'alignment.lora.rank', 'seed', '']
    """
    section, _, last = path.rpartition(".")
    names: dict[str, list[str]] = {}
    for key in keys(model):
        names.setdefault(key.rpartition(".")[2], []).append(key)
    beside = [
        name for name, paths in names.items() if any(key.rpartition(".")[0] == section for key in paths)
    ]
    like = [
        *([last] if last in names else ()),
        *difflib.get_close_matches(last, beside, n=1, cutoff=0.5),
        *difflib.get_close_matches(last, names, n=1, cutoff=0.7),
    ]
    return max(names[like[0]], key=lambda key: (_same_start(key, path), -len(key))) if like else ""


def _same_start(one: str, two: str) -> int:
    """How many sections two keys have in common, from the root."""
    return sum(
        1
        for _ in takewhile(lambda both: both[0] == both[1], zip(one.split("."), two.split("."), strict=False))
    )


def _expected(detail: Any) -> str:
    """What was expected, as a person writes it.

    >>> _expected({"type": "tuple_type", "input": 9, "msg": "Input should be a valid tuple"})
    'a list was expected, e.g. [9]'
    """
    if detail["type"] not in {"tuple_type", "list_type"}:
        return str(detail["msg"]).removeprefix("Value error, ")
    given = detail["input"]
    example = f", e.g. {json.dumps([given])}" if isinstance(given, str | int | float) else ""
    return f"a list was expected{example}"
