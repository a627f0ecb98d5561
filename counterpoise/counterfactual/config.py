"""Which identity swaps are made, and with how much care."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from counterpoise.settings import Settings

_AXES = (
    "gender",
    "race-color",
    "religion",
    "nationality",
    "age",
    "disability",
    "sexual-orientation",
    "physical-appearance",
    "socioeconomic",
)


RealPeople = Literal["keep", "known", "swap"]
_REAL_PEOPLE = (
    "keep: a text with a full name is left alone, because a swap may say something false of a real person; "
    "known: only where the list of public people holds the name; swap: names are read like any other."
)


def _as_text(path: object) -> str:
    """A path as text; none is the empty one."""
    return "" if path is None else str(path)


class CounterfactualConfig(Settings):
    """The counterfactual engine."""

    axes: tuple[str, ...] = Field(_AXES, description="Identity axes to swap along, each on its own.")
    lexicon: Annotated[str, BeforeValidator(_as_text)] = Field(
        "",
        description="Path of a TOML file of your own terms, added to the built-in lexicon; it wins collisions. "
        "Empty: none.",
    )
    syntax: Literal["rules", "spacy"] = Field(
        "rules",
        description=(
            "rules: the built-in rules decide between his and him, hers and her; spacy: spaCy's small English "
            "pipeline must agree, and the organisations, places and works it finds are protected."
        ),
    )
    spacy_model: str = Field(
        "spacy-en", description="Registry name or folder of the spaCy pipeline, for syntax = 'spacy'."
    )
    names: bool = Field(True, description="Swap first names (gender; race-color where the name signals it).")
    real_people: RealPeople = Field("keep", description=_REAL_PEOPLE)
    whole: bool = Field(
        True,
        description=(
            "Leave the axis untouched in a text where one of its terms cannot be swapped: no text is half swapped."
        ),
    )
    min_confidence: float = Field(
        0.0, ge=0, le=1, description="Edits less sure than this are refused, 0 to 1."
    )

    @field_validator("axes")
    @classmethod
    def _axes_are_named(cls, axes: tuple[str, ...]) -> tuple[str, ...]:
        if not axes or len(set(axes)) != len(axes):
            raise ValueError("expected at least one axis, each once")
        return axes


class TrainingSwaps(CounterfactualConfig):
    """Swaps of the benchmark's pairs: their people are invented, so a full name stops a swap only if it is known."""

    real_people: RealPeople = Field("known", description=_REAL_PEOPLE)
