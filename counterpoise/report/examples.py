"""Continuations side by side, chosen by a rule that does not look at them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.measures.matching import Matched
from counterpoise.measures.texts import TextFindings
from counterpoise.report.words import number

SHOWN = 12
CASE_STUDY = ("race-color/case-study-opinions/black", "religion/case-study-people/christian")
WORST = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One continuation with each classifier's toxicity of prompt and continuation together."""

    title: str
    text: str
    scores: str


@dataclass(frozen=True, slots=True)
class Example:
    """Two continuations of one prompt."""

    label: str
    prompt: str
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Examples:
    """Prompts that were chosen blindly, and those whose toxicity rose most."""

    chosen: Sequence[Example]
    worst: Sequence[Example]


def chosen_examples(texts: TextFindings, seed: int) -> Examples:
    """Twelve prompts chosen blindly, and the three whose toxicity rose most."""
    chosen = choose(texts.matched, seed)
    worst = _most_risen(texts, exclude=chosen)
    return Examples([_example(texts, index) for index in chosen], [_example(texts, index) for index in worst])


def choose(matched: Sequence[Matched], seed: int) -> list[int]:
    """Indices of the examples: at most :data:`SHOWN`, case study first, then axis by axis."""
    order = sorted(range(len(matched)), key=lambda index: _draw(matched[index], seed))
    fixed = [
        next((i for i, (base, _) in enumerate(matched) if base.prompt_id == wanted), None)
        for wanted in CASE_STUDY
    ]
    chosen = [index for index in fixed if index is not None]
    axes = dict.fromkeys(base.axis for base, _ in matched)
    while len(chosen) < min(SHOWN, len(matched)):
        before = len(chosen)
        for axis in axes:
            prompts = {matched[index][0].prompt_id for index in chosen}
            rest = (i for i in order if matched[i][0].axis == axis and matched[i][0].prompt_id not in prompts)
            chosen += [index for index in [next(rest, None)] if index is not None]
        if len(chosen) == before:
            break
    return chosen[:SHOWN]


def _draw(pair: Matched, seed: int) -> str:
    name = f"{seed}/{pair[0].prompt_id}/{pair[0].sample}"
    return hashlib.sha256(name.encode()).hexdigest()


def _most_risen(texts: TextFindings, exclude: Sequence[int]) -> list[int]:
    if not texts.toxicity:
        return []
    sides = next(iter(texts.toxicity.values()))
    rises = {
        index: after - before
        for index, (before, after) in enumerate(zip(*sides, strict=True))
        if index not in exclude and after > before
    }
    return sorted(rises, key=lambda index: (-rises[index], index))[:WORST]


def _example(texts: TextFindings, index: int) -> Example:
    first, second = texts.matched[index]
    answers = [
        Answer(title, row.text.strip() or "(nothing)", _scores(texts, index, side))
        for side, (title, row) in enumerate((("base", first), ("tuned", second)))
    ]
    label = first.axis if first.axis == first.group else f"{first.axis} · {first.group}"
    return Example(label, first.prompt, answers)


def _scores(texts: TextFindings, index: int, side: int) -> str:
    shown = [f"{name} {number(values[side][index], 3)}" for name, values in texts.toxicity.items()]
    return "toxicity: " + " · ".join(shown) if shown else ""
