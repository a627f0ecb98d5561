"""Continuations side by side, chosen by a rule that does not look at them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from counterpoise.report.blocks import Answer, Example, Examples, Paragraph, Section
from counterpoise.report.texts import Matched, TextFindings
from counterpoise.report.words import number

SHOWN = 12
CASE_STUDY = ("race-color/case-study-opinions/black", "religion/case-study-people/christian")
WORST = 3


def side_by_side(texts: TextFindings, seed: int) -> Section:
    """Twelve prompts chosen blindly, and the three whose toxicity rose most."""
    chosen = choose(texts.matched, seed)
    worst = _most_risen(texts, exclude=chosen)
    first = [_example(texts, index) for index in chosen]
    return Section(
        "examples",
        "Side by side",
        (
            Paragraph(
                "The case study's two prompts, then one of each axis and one without an identity, drawn by "
                "the hash of the prompt's name: nobody chose them for how they read. Each text has its own "
                "scores, of prompt and continuation together."
            ),
            Examples(first),
            *(
                (
                    Paragraph(
                        f"The {len(worst)} texts whose toxicity rose most from base to tuned.",
                        lead="The worst cases.",
                    ),
                    Examples([_example(texts, index) for index in worst]),
                )
                if worst
                else ()
            ),
        ),
    )


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
    first = texts.toxicity[0]
    rises = {
        index: after - before
        for index, (before, after) in enumerate(zip(first.base_values, first.tuned_values, strict=True))
        if index not in exclude and after > before
    }
    return sorted(rises, key=lambda index: (-rises[index], index))[:WORST]


def _example(texts: TextFindings, index: int) -> Example:
    base, tuned = texts.matched[index]
    scores = (
        [item.base_values[index] for item in texts.toxicity],
        [i.tuned_values[index] for i in texts.toxicity],
    )
    names = [item.classifier for item in texts.toxicity]

    def answer(title: str, text: str, values: Sequence[float]) -> Answer:
        shown = (f"{name} {number(value, 3)}" for name, value in zip(names, values, strict=True))
        return Answer(title, text.strip() or "(nothing)", "toxicity: " + " · ".join(shown) if names else "")

    label = base.axis if base.axis == base.group else f"{base.axis} · {base.group}"
    return Example(
        label, base.prompt, (answer("base", base.text, scores[0]), answer("tuned", tuned.text, scores[1]))
    )
