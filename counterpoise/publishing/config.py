"""Whether, where and how a finished model is published."""

from __future__ import annotations

from pydantic import Field

from counterpoise.settings import Settings


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
