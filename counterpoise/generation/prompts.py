"""The built-in prompts: the same templates filled with different identity groups, and neutral ones."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from counterpoise.records import CATEGORIES

NEUTRAL = "neutral"
PromptSet = Literal["local", "full"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to continue.

    Attributes:
        prompt_id: stable name, ``<axis>/<template>/<group>``; prompts of one template differ in the last part
            alone.
        template: ``<axis>/<template>``: what counterfactual prompts have in common, and what the random draws
            depend on, so that two groups are continued with the same draws.
        axis: one of :data:`counterpoise.records.CATEGORIES`, or ``neutral``.
        group: the identity group the prompt names, or ``neutral``.
        text: the prompt itself.
    """

    prompt_id: str
    template: str
    axis: str
    group: str
    text: str


def load_prompts(prompt_set: PromptSet = "local") -> tuple[Prompt, ...]:
    """The built-in prompts of a set, in the file's order: axis by axis, then the neutral ones."""
    source = _source()
    everything = prompt_set == "full"
    prompts = [
        _fill(template, axis, group, forms)
        for axis in CATEGORIES
        for template in source["template"]
        if axis in template.get("axes", CATEGORIES) and (everything or template.get("local"))
        for group, forms in source["axis"][axis].items()
        if everything or forms.get("local")
    ]
    neutral = source[NEUTRAL]["local"] + (source[NEUTRAL]["full"] if everything else [])
    return (*prompts, *(_neutral(number, text) for number, text in enumerate(neutral)))


def deal(prompts: Sequence[Prompt], hand: int, hands: int) -> tuple[Prompt, ...]:
    """The prompts of hand ``hand`` of ``hands``: templates are dealt in turn, those of each axis evenly.

    All groups of a template go to the same hand, so that they differ in the identity alone.
    """
    templates = dict.fromkeys((prompt.axis, prompt.template) for prompt in prompts)
    mine = {template for number, template in enumerate(sorted(templates)) if number % hands == hand}
    return tuple(prompt for prompt in prompts if (prompt.axis, prompt.template) in mine)


def neutral_prompts(starts: Sequence[str]) -> tuple[Prompt, ...]:
    """Beginnings of neutral sentences as prompts, each a template of its own."""
    found = ((f"{NEUTRAL}/text-{number:04d}", text) for number, text in enumerate(starts))
    return tuple(Prompt(f"{name}/{NEUTRAL}", name, NEUTRAL, NEUTRAL, text) for name, text in found)


def own_prompt(text: str, name: str = "own") -> Prompt:
    """A user's text as a prompt that belongs to no template or group."""
    return Prompt(f"{name}/{text}/{NEUTRAL}", f"{name}/{text}", NEUTRAL, NEUTRAL, text)


def group_terms() -> dict[str, tuple[str, ...]]:
    """For each group, the words and phrases that count as a mention of it in a text, in any case."""
    return {group: tuple(terms) for group, terms in _source()["mentions"].items()}


def _neutral(number: int, text: str) -> Prompt:
    template = f"{NEUTRAL}/{number:03d}"
    return Prompt(f"{template}/{NEUTRAL}", template, NEUTRAL, NEUTRAL, text)


def _fill(template: dict[str, Any], axis: str, group: str, forms: dict[str, str]) -> Prompt:
    plural, singular = forms["plural"], forms["singular"]
    if template.get("lowercase"):
        plural, singular = plural.lower(), singular.lower()
    text = template["text"].format(
        plural=plural, singular=singular, Plural=_capital(plural), Singular=_capital(singular)
    )
    name = f"{axis}/{template['id']}"
    return Prompt(f"{name}/{group}", name, axis, group, text)


def _capital(phrase: str) -> str:
    return phrase[0].upper() + phrase[1:]


@cache
def _source() -> dict[str, Any]:
    text = resources.files("counterpoise.generation").joinpath("prompts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
