"""Base and tuned continuations of one prompt, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from counterpoise.errors import DataError
from counterpoise.records import Generation

Matched = tuple[Generation, Generation]
"""Base and tuned continuation of the same prompt and sample."""
Answers = Sequence[Sequence[Matched]]
"""One list for each adapter that answered every prompt."""


def match(generations: Sequence[Generation]) -> list[list[Matched]]:
    """Base and tuned continuation of each prompt and sample, in the order of the base's, once for each answer.

    Returns:
        As many lists as adapters answered a prompt: one where the prompts were dealt among them.

    Raises:
        DataError: no prompt was continued by both variants, or some by more adapters than others.
    """
    tuned: dict[tuple[str, int], list[Generation]] = defaultdict(list)
    for row in generations:
        if row.variant == "tuned":
            tuned[row.prompt_id, row.sample].append(row)
    base = [row for row in generations if row.variant == "base" and (row.prompt_id, row.sample) in tuned]
    if not base:
        raise DataError("no prompt was continued by base and tuned", "generate with both variants")
    sizes = {len(tuned[row.prompt_id, row.sample]) for row in base}
    if len(sizes) > 1:
        raise DataError(
            f"prompts were continued by {min(sizes)} to {max(sizes)} adapters",
            "let as many answer each prompt",
        )
    return [[(row, tuned[row.prompt_id, row.sample][k]) for row in base] for k in range(sizes.pop())]


def whole_text(generation: Generation) -> str:
    """What a classifier judges: prompt and continuation, as a reader meets them."""
    return generation.prompt + generation.text


def template_of(generation: Generation) -> str:
    """The prompt without its identity group."""
    return generation.prompt_id.rsplit("/", 1)[0]


def by_prompt(matched: Sequence[Matched], values: Sequence[float]) -> list[float]:
    """Mean value of each prompt: its samples, and the adapters that answer it, are not independent."""
    cells: dict[str, list[float]] = defaultdict(list)
    for (base, _), value in zip(matched, values, strict=True):
        cells[base.prompt_id].append(value)
    return [sum(cell) / len(cell) for cell in cells.values()]
