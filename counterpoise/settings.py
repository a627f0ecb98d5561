"""The base of every typed configuration: frozen, strict about names, described field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Settings(BaseModel):
    """A frozen configuration section; an unknown field is an error.

    Each field carries a ``description`` with its unit: it is also the dashboard's parameter form.
    A field declared with ``json_schema_extra={"result": False}`` cannot change a result and stays
    out of cache keys and of checkpoints' names: :func:`deciding` is where that is decided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in (int, float):
            raise ValueError("a number was expected, not true or false")
        return value


def deciding(settings: BaseModel) -> dict[str, Any]:
    """What of ``settings`` decides a result, as canonical JSON values.

    A field declared with ``json_schema_extra={"result": False}`` is dropped at any depth.

    Raises:
        TypeError: a field holds a value that has no canonical JSON form.
    """
    return {
        name: _value(getattr(settings, name), f"{type(settings).__name__}.{name}")
        for name, field in type(settings).model_fields.items()
        if not (isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("result") is False)
    }


def _value(value: Any, where: str) -> Any:
    if isinstance(value, BaseModel):
        return deciding(value)
    if isinstance(value, Mapping):
        return {str(name): _value(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted(
            (_value(item, where) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
        )
    return _scalar(value, where)


def _scalar(value: Any, where: str) -> Any:
    if isinstance(value, Enum):
        return _scalar(value.value, where)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, PurePath):
        return value.as_posix()
    raise TypeError(
        f"{where} is a {type(value).__name__}, which has no canonical form in a cache key: "
        'use JSON-like values, or mark the field json_schema_extra={"result": False}'
    )
