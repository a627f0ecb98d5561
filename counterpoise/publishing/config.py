"""Whether, where and how a finished model is published."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from counterpoise.errors import UsageError
from counterpoise.settings import Settings

HUB = "hub:"
_PART = r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(f"{_PART}/{_PART}", re.ASCII)


def repository_of(to: str) -> str | None:
    """``owner/name`` of ``hub:owner/name``, None for a folder.

    Raises:
        UsageError: ``hub:`` without a repository's name after it.
    """
    if "://" in to:
        raise UsageError(
            f"{to!r} is neither a folder nor a hub repository", "write a folder, or hub:owner/name"
        )
    if not to.startswith(HUB):
        return None
    name = to.removeprefix(HUB)
    if not _REPOSITORY.fullmatch(name):
        raise UsageError(f"{to!r} names no hub repository", "write hub:owner/name")
    return name


class PublishConfig(Settings):
    """Publishing is off until ``to`` says where."""

    to: str = Field(
        "", description="Where the finished model goes: a folder, or hub:owner/name; empty: nowhere."
    )
    merged: bool = Field(
        False,
        description="Merge the adapter into the weights: it loads without peft, but is as large as the model.",
    )
    private: bool = Field(True, description="Whether a hub repository that is made for it is private.")
    licence: str = Field(
        "",
        description="Licence of the result (SPDX or a name); empty: that of the base model, if it is known.",
    )

    @field_validator("to")
    @classmethod
    def _names_a_place(cls, to: str) -> str:
        try:
            repository_of(to)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return to
