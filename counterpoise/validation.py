"""Checks what a person has configured, and says in one line what is wrong with it."""

from __future__ import annotations

import difflib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from counterpoise.errors import UsageError
from counterpoise.settings import Settings

S = TypeVar("S", bound=Settings)


def _field_names(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The names that are valid at ``path`` inside ``model``, for the nearest-name hint."""
    here: Any = model
    for part in path:
        field = getattr(here, "model_fields", {}).get(part)
        if field is None:
            return []
        here = field.annotation
    return list(getattr(here, "model_fields", {}))


def validated(model: type[S], values: dict[str, Any], where: str) -> S:
    """``model`` built from ``values``; every violation in one :class:`UsageError`.

    Args:
        where: the file or flag the values came from, named in the message.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors()]
        raise UsageError(
            f"{where}: " + "; ".join(problems), "correct the value, or remove it to use the default"
        ) from None


def _problem(model: type[BaseModel], detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        return f"{path} = {detail['input']!r}: {_expected(detail)}"
    known = _field_names(model, detail["loc"][:-1])
    nearest = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
    return f"unknown key {path!r} ({hint})"


def _expected(detail: Any) -> str:
    """What was expected, as a person writes it.

    >>> _expected({"type": "tuple_type", "input": 9, "msg": "Input should be a valid tuple"})
    'a list was expected, e.g. [9]'
    """
    if detail["type"] not in {"tuple_type", "list_type"}:
        return str(detail["msg"])
    given = detail["input"]
    example = f", e.g. {json.dumps([given])}" if isinstance(given, str | int | float) else ""
    return f"a list was expected{example}"
