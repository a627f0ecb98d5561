"""Which classifiers score toxicity."""

from __future__ import annotations

from pydantic import Field, field_validator

from counterpoise.errors import CounterpoiseError
from counterpoise.settings import Settings
from counterpoise.toxicity.spec import HATESONAR, LINEAR, parse_spec


class ToxicityConfig(Settings):
    """The toxicity classifiers: the first filters the training pairs, all of them judge generations."""

    classifiers: tuple[str, ...] = Field(
        default=(LINEAR, HATESONAR),
        min_length=1,
        description="Classifiers; the first one filters. alt-profanity-check and hatesonar (linear, offline), "
        "detoxify:original|unbiased|multilingual|original-small|unbiased-small[@checkpoint], "
        "hf:owner/name@commit[#label], hf:/folder[#label], or roberta-hate-speech (the case study's)",
    )
    batch_size: int = Field(default=64, ge=1, le=4096, description="Sentences in a batch of similar length")

    @field_validator("classifiers")
    @classmethod
    def _known_and_distinct(cls, specs: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names = [parse_spec(spec).name for spec in specs]
        except CounterpoiseError as error:
            raise ValueError(str(error)) from None
        if len(set(names)) != len(names):
            raise ValueError(f"two classifiers would have the same name in tables: {', '.join(names)}")
        return specs
