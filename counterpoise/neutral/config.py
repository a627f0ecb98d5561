"""Neutral text: where it comes from and how much of it serves what."""

from __future__ import annotations

from pydantic import Field

from counterpoise.neutral.select import EVALUATION_TEXTS, GUARD_TEXTS, SOURCE
from counterpoise.settings import Settings


class CapabilityConfig(Settings):
    """The neutral text that tells whether the model is still a language model."""

    source: str = Field(
        SOURCE,
        description="Registry name of neutral text, or the path of a UTF-8 file with one sentence a line.",
    )
    guard_texts: int = Field(
        GUARD_TEXTS, ge=1, description="Sentences on which training's guards measure perplexity."
    )
    evaluation_texts: int = Field(
        EVALUATION_TEXTS, ge=1, description="Other sentences, kept for the report's perplexity."
    )
    beginning_texts: int = Field(
        192,
        ge=0,
        description="Sentences whose first words the base continues; training holds the model to that.",
    )
    beginning_groups: int = Field(
        12,
        ge=0,
        description="Encyclopaedic sentences a group, each with its swap of gender, whose first words are continued as "
        "well; none of those that the erasure audit reads.",
    )
    guard_groups: int = Field(
        40,
        ge=0,
        description="Encyclopaedic sentences a group, at most, that the guards compare, group against all: none that "
        "are continued or that the erasure audit reads. Groups with less than half as many left are not guarded.",
    )
