"""A sweep's results: each branch's measures, recipes over their seeds, paired tests. The comparison's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoise.errors import DataError
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.results import (
    FORMAT,
    Ending,
    Tone,
    load_numbers,
    measure_from,
    measure_json,
    rounded,
)


@dataclass(frozen=True, slots=True)
class SeedResult:
    """One branch: its seed, what became of its model, and the measures of its report."""

    label: str
    seed: int
    outcome: Ending
    measures: Measures


@dataclass(frozen=True, slots=True)
class RecipeResult:
    """One recipe on one model over its seeds.

    Attributes:
        settings: what the recipe sets, as ``key=value``; folds: those held out.
        averaged: the same pairs with each one's margins averaged over the seeds: one ensemble, no average of seeds.
    """

    model: str
    recipe: str
    settings: tuple[str, ...]
    folds: tuple[int, ...]
    seeds: tuple[SeedResult, ...]
    averaged: Measures


@dataclass(frozen=True, slots=True)
class PairedTest:
    """``second`` against ``first`` on the pairs that both scored, margins averaged over seeds.

    ``score.holm_p`` is adjusted over every test of the sweep.
    """

    model: str
    first: str
    second: str
    score: Measure


@dataclass(frozen=True, slots=True)
class Failure:
    """A branch without a result: why, and the command that goes on with it."""

    label: str
    reason: str
    resume: str


@dataclass(frozen=True, slots=True)
class SweepResults:
    """All numbers of a comparison."""

    name: str
    tone: Tone
    headline: str
    sentence: str
    recipes: tuple[RecipeResult, ...]
    tests: tuple[PairedTest, ...]
    failures: tuple[Failure, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; see docs/report-format.md."""
        found = {
            "format": FORMAT,
            "name": self.name,
            "tone": self.tone,
            "headline": self.headline,
            "sentence": self.sentence,
            "recipes": [_recipe_json(recipe) for recipe in self.recipes],
            "tests": [
                {
                    "model": test.model,
                    "first": test.first,
                    "second": test.second,
                    "score": measure_json(test.score),
                }
                for test in self.tests
            ],
            "failures": [asdict(failure) for failure in self.failures],
        }
        plain: dict[str, Any] = rounded(found)
        return plain


def read_sweep(path: Path) -> SweepResults:
    """The results in a comparison's file.

    Raises:
        DataError: they are of another format, or an entry is missing.
    """
    how = "compare the runs again: `counterpoise compare`"
    values = load_numbers(path, how)
    if values.get("format") != FORMAT:
        raise DataError(
            f"{path}: its numbers are of format {values.get('format', 1)}, expected {FORMAT}", how
        )
    try:
        return SweepResults(
            **{name: values[name] for name in ("name", "tone", "headline", "sentence")},
            recipes=tuple(_recipe(row) for row in values["recipes"]),
            tests=tuple(PairedTest(**row | {"score": measure_from(row["score"])}) for row in values["tests"]),
            failures=tuple(Failure(**row) for row in values["failures"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: its numbers lack {error}", how) from None


def _recipe_json(recipe: RecipeResult) -> dict[str, Any]:
    return {
        "model": recipe.model,
        "recipe": recipe.recipe,
        "settings": recipe.settings,
        "folds": recipe.folds,
        "seeds": [
            {
                "label": seed.label,
                "seed": seed.seed,
                "outcome": seed.outcome,
                "measures": [measure_json(row) for row in seed.measures],
            }
            for seed in recipe.seeds
        ],
        "averaged": [measure_json(row) for row in recipe.averaged],
    }


def _recipe(values: Mapping[str, Any]) -> RecipeResult:
    return RecipeResult(
        values["model"],
        values["recipe"],
        tuple(values["settings"]),
        tuple(values["folds"]),
        tuple(
            SeedResult(row["label"], row["seed"], row["outcome"], measures_from(row["measures"]))
            for row in values["seeds"]
        ),
        measures_from(values["averaged"]),
    )


def measures_from(rows: Sequence[Mapping[str, Any]]) -> Measures:
    """Measures from their JSON."""
    return Measures(measure_from(row) for row in rows)
