"""Labels beside the points of a chart, where they don't cover each other. Pure geometry, in points (1/72 inch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

WIDTH, HEIGHT = 0.6, 1.2
"""A character's mean width and a line's height, in font sizes: DejaVu Sans, rounded up."""
GAP = 7.0
"""From a point to its label; half of it is a mark's radius, which no label covers either."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Where a label stands: its lower left (``left``) or lower right corner against its point, points."""

    x: float
    y: float
    align: Literal["left", "right"]


Box = tuple[float, float, float, float]


def label_offsets(places: Sequence[tuple[float, float]], labels: Sequence[str], size: float) -> list[Offset]:
    """An offset for each label, in order: above or below its point, to the right or left, at the least distance that
    is free of the labels before it and of every point. Where none is, the first choice.

    Args:
        places: the points' coordinates, points.
        size: font size, points.
    """
    marks = [(x - GAP / 2, y - GAP / 2, x + GAP / 2, y + GAP / 2) for x, y in places]
    taken: list[Box] = []
    found = []
    for place, label in zip(places, labels, strict=True):
        choices = _choices(len(places), size)
        boxes = {offset: _box(place, offset, label, size) for offset in choices}
        free = [
            offset for offset in choices if not any(_overlap(boxes[offset], box) for box in (*taken, *marks))
        ]
        offset = (free or choices)[0]
        taken.append(boxes[offset])
        found.append(offset)
    return found


def _choices(steps: int, size: float) -> list[Offset]:
    """Beside the point first, then further up or down by a line each time."""
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    return [
        Offset(GAP if align == "left" else -GAP, y, align)
        for step, align in product(range(steps + 1), sides)
        for y in (
            GAP / 2 + 2 + step * size * HEIGHT,
            -(GAP / 2 + 2 + (step + 1) * size * HEIGHT),
        )
    ]


def _box(place: tuple[float, float], offset: Offset, label: str, size: float) -> Box:
    width = len(label) * size * WIDTH
    left = place[0] + offset.x - (width if offset.align == "right" else 0.0)
    bottom = place[1] + offset.y
    return left, bottom, left + width, bottom + size * HEIGHT


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
