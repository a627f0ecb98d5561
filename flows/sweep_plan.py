"""What a sweep fans out over: a TOML file of models × seeds × recipes × folds, as branches with a config each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field

from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from counterpoise.flows.configure import DEFAULT_PROFILE, load_config, parsed, read_toml
from counterpoise.report.sweep.inputs import BranchFacts
from counterpoise.settings import Settings
from counterpoise.validation import validated

GRID = {"seed": "seeds", "model.source": "models", "pairs.evaluate": "folds"}
"""Settings that a sweep varies itself, and the name of the list that it takes them from."""


def _profile_as_it_is() -> dict[str, dict[str, Any]]:
    return {"default": {}}


class SweepPlan(Settings):
    """One sweep. Every combination of model, recipe and seed is a branch: one run over all the folds."""

    name: str = Field("sweep", min_length=1, max_length=60, description="What the comparison is called.")
    profile: str = Field(DEFAULT_PROFILE, description="The profile that every branch starts from.")
    set: dict[str, Any] = Field(
        default_factory=dict, description="Settings of every branch, as sections or dotted keys."
    )
    recipes: dict[str, dict[str, Any]] = Field(
        default_factory=_profile_as_it_is,
        min_length=1,
        description="Name of each recipe and the settings it changes; an empty one is the profile as it is.",
    )
    models: tuple[str, ...] = Field((), description="Base models to fan out over; empty: the profile's.")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="Seeds to fan out over.")
    folds: tuple[int, ...] = Field(
        (), description="Folds to hold out, one training each; empty: all, so that every pair is scored."
    )


@dataclass(frozen=True)
class Branch:
    """One run of a sweep.

    Attributes:
        overrides: the ``--set`` values that make its configuration from the profile.
    """

    facts: BranchFacts
    profile: str
    overrides: tuple[str, ...]
    config: RunConfig

    @property
    def label(self) -> str:
        """What people call it."""
        return self.facts.label

    def command(self, store: str) -> str:
        """The shell command that runs this branch alone."""
        sets = " ".join(f"--set {shlex.quote(item)}" for item in self.overrides)
        return f"counterpoise run --profile {shlex.quote(self.profile)} --store {shlex.quote(store)} {sets}"


def load_plan(path: Path, overrides: Sequence[str] = ()) -> SweepPlan:
    """The plan in a TOML file, with ``--set`` overrides on top of its ``[set]``.

    Raises:
        UsageError: no such file, invalid TOML, an unknown key (naming the nearest) or a wrong value.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such sweep file", "`counterpoise sweep --help` shows one")
    plan = validated(SweepPlan, {"name": path.stem} | read_toml(path), f"sweep {path}")
    if not overrides:
        return plan
    given = {".".join(path): value for path, value in map(parsed, overrides)}
    return plan.model_copy(update={"set": plan.set | given})


def branches(plan: SweepPlan) -> list[Branch]:
    """Every combination, models outermost, then recipes, then seeds.

    Raises:
        UsageError: a setting of the plan is wrong, or one that the sweep varies itself.
    """
    models: Sequence[str | None] = plan.models or (None,)
    every = list(product(models, plan.recipes, plan.seeds))
    found = [_branch(plan, *choice) for choice in every]
    labels = [branch.label for branch in found]
    if len(set(labels)) != len(labels):
        raise UsageError(f"sweep {plan.name}: a model or seed stands there twice", "list each once")
    return found


def _branch(plan: SweepPlan, model: str | None, recipe: str, seed: int) -> Branch:
    chosen = settings(plan.recipes[recipe])
    common = [*settings(plan.set), *chosen]
    _check(plan, common)
    grid = [f"seed={seed}"] + ([f"model.source={json.dumps(model)}"] if model else [])
    config = load_config(plan.profile, [*common, *grid])
    folds = plan.folds or config.pairs.every_fold
    overrides = (*common, *grid, f"pairs.evaluate={json.dumps(folds)}")
    config = load_config(plan.profile, overrides)
    facts = BranchFacts(
        label=" · ".join([*([model] if model and len(plan.models) > 1 else []), recipe, f"seed {seed}"]),
        model=config.model.source,
        recipe=recipe,
        seed=seed,
        settings=tuple(chosen),
        folds=config.pairs.evaluate,
        normalisation=config.scoring.normalisation,
        whole=set(config.pairs.every_fold) <= set(config.pairs.evaluate),
    )
    return Branch(facts, plan.profile, overrides, config)


def _check(plan: SweepPlan, overrides: Sequence[str]) -> None:
    for override in overrides:
        key = override.partition("=")[0]
        if key in GRID:
            raise UsageError(
                f"sweep {plan.name} sets {key}, which it varies itself", f"use {GRID[key]} = […]"
            )
        if key == "publish.to":
            raise UsageError(
                f"sweep {plan.name} sets publish.to, and every branch would go there", "publish one run"
            )


def settings(values: Mapping[str, Any], path: str = "") -> list[str]:
    """Nested sections as ``key.path=value`` with TOML values.

    >>> settings({"alignment": {"optimisation": {"epochs": 2}}, "model.precision": "bf16"})
    ['alignment.optimisation.epochs=2', 'model.precision="bf16"']
    """
    return list(_flat(values, path))


def _flat(values: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in values.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _flat(value, key)
        else:
            yield f"{key}={json.dumps(value, ensure_ascii=False)}"
