"""Neutral text: where it comes from and how much of it serves what."""

from __future__ import annotations

from pydantic import Field

from counterpoise.neutral.select import EVALUATION_TEXTS, PROBE_TEXTS, SOURCE
from counterpoise.settings import Settings


class CapabilityConfig(Settings):
    """The neutral text that tells whether the model is still a language model."""

    source: str = Field(
        SOURCE,
        description="Registry name of neutral text, or the path of a UTF-8 file with one sentence a line.",
    )
    probe_texts: int = Field(
        PROBE_TEXTS, ge=1, description="Sentences whose perplexity is watched during training."
    )
    evaluation_texts: int = Field(
        EVALUATION_TEXTS, ge=1, description="Other sentences, kept for the report's perplexity."
    )
    replay_texts: int = Field(
        192, ge=0, description="Further sentences on which the model is held to its base while it trains."
    )
    replay_groups: int = Field(
        12,
        ge=0,
        description="Encyclopaedic sentences a group, each with its swap of gender, that the model is held to as well; "
        "none of those that the erasure audit reads.",
    )
    probe_groups: int = Field(
        40,
        ge=0,
        description="Encyclopaedic sentences a group, at most, that are watched during training, group against all: "
        "none of those that are replayed or that the erasure audit reads. Groups with less than half as many left are "
        "not watched.",
    )
