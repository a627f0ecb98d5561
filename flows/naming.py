"""What a run is called in the dashboard: as a person said, else by what tells it from other runs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from coolname.data import config as made_up_words
from prefect import runtime

from counterpoise.config import RunConfig

PROPOSED = re.compile(
    "(Awesome|Rustic|Gorgeous|Fantastic|Sleek|Intelligent|Unbranded|Refined|Licensed|Generic|Practical|Ergonomic|"
    "Handcrafted|Tasty|Handmade|Incredible)-[a-z]{1,6}"
)
"""The names that the form of Prefect 3.8.8 fills in, without those that begin with "Small", as a person's may."""


def debias_name() -> str:
    """The name of this `debias` run; a :func:`prefect.flow`'s ``flow_run_name``."""
    config = runtime.flow_run.parameters["config"]
    return given() or name_of(RunConfig.model_validate(config))


def name_of(config: RunConfig) -> str:
    """Profile, model and seed.

    >>> name_of(RunConfig(profile="smoke", seed=7))
    'smoke · smollm2-135m · seed 7'
    """
    model = config.model.source.rstrip("/").rpartition("/")[2]
    return f"{config.profile} · {model} · seed {config.seed}"


def evaluate_name() -> str:
    """The name of this `evaluate` run: the run or model that it scores."""
    asked = runtime.flow_run.parameters
    run, model = asked.get("run"), str(asked.get("model", "")).rstrip("/").rpartition("/")[2]
    what = f"run {run}" if run else model
    return given() or f"evaluate {what} · {asked.get('precision')}"


def sweep_name() -> str:
    """The name of this `sweep` run: its plan's."""
    plan = runtime.flow_run.parameters["plan"]
    return given() or f"sweep {plan.name} · {plan.profile}"


def given() -> str:
    """The name that somebody gave to this run, or that it had in an earlier attempt; empty where Prefect made it up."""
    name = str(runtime.flow_run.name or "")
    return "" if is_made_up(name) else name


def is_made_up(name: str) -> bool:
    """Whether Prefect made the name up: its server, from two of its words, or its form for a custom run.

    >>> is_made_up("stoic-elephant"), is_made_up("baseline-again"), is_made_up("seed 3")
    (True, False, False)
    >>> is_made_up("Rustic-sofa"), is_made_up("Rustic-baseline"), is_made_up("Small-batch")
    (True, False, False)
    """
    words = name.split("-")
    return (len(words) == 2 and _vocabulary().issuperset(words)) or bool(PROPOSED.fullmatch(name))


@cache
def _vocabulary() -> frozenset[str]:
    entries: Any = made_up_words.values()
    lists = (entry.get("words", ()) for entry in entries)
    return frozenset(word for words in lists for word in words)
