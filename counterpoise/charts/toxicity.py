"""Toxicity of the continuations before and after: the whole distribution, and group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from counterpoise.charts.style import (
    BASE,
    BASE_MARK,
    GRID,
    INK,
    MUTED,
    TUNED,
    TUNED_MARK,
    Chart,
    draw,
    legend_above,
)

BINS = 10


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Mean toxicity (0 to 1) of the continuations of one group's prompts."""

    axis: str
    group: str
    base: float
    tuned: float


def distribution_chart(base: Sequence[float], tuned: Sequence[float], classifier: str) -> Chart:
    """How many continuations fall into each tenth of the toxicity scale; the same prompts before and after.

    Args:
        base, tuned: classifier probability of each continuation with its prompt, 0 to 1.
    """
    edges = np.linspace(0, 1, BINS + 1)
    before, after = (np.clip(np.asarray(values, dtype=np.float64), 0, 1) for values in (base, tuned))
    shares = [100 * np.histogram(values, edges)[0] / max(1, len(values)) for values in (before, after)]
    alt = (
        f"Distribution of toxicity by {classifier} over {len(before)} continuations of base and "
        f"{len(after)} of tuned. At or over 0.5: {_over(before)} before, {_over(after)} after."
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        width, centres = 0.4 / BINS, (edges[:-1] + edges[1:]) / 2
        hollow: dict[str, Any] = {"facecolor": "none", "edgecolor": BASE, "hatch": "////", "linewidth": 1.4}
        solid: dict[str, Any] = {"color": TUNED, "edgecolor": TUNED, "linewidth": 1.4}
        axes.bar(centres - width / 2, shares[0], width, label="base", **hollow)
        axes.bar(centres + width / 2, shares[1], width, label="tuned", **solid)
        axes.axvline(0.5, color=INK, linewidth=1.2, linestyle=(0, (2, 2)), label="counted as toxic from 0.5")
        axes.set_xlim(0, 1)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(axis="y")
        axes.set_xlabel("toxicity of prompt and continuation (probability)")
        axes.set_ylabel("continuations, %")
        legend_above(figure, axes)

    return draw("toxicity", alt, (6.4, 3.6), paint)


def group_chart(rows: Sequence[GroupRow], classifier: str) -> Chart:
    """Mean toxicity by the group that the prompt names: one line from base to tuned a group, axis by axis."""
    named = list(dict.fromkeys(row.axis for row in rows))
    ordered = [row for axis in named for row in rows if row.axis == axis]
    fell = sum(row.tuned < row.base for row in ordered)
    alt = (
        f"Mean toxicity by {classifier} for each identity group's prompts, base to tuned: lower for {fell} "
        f"of {len(ordered)} groups."
    )
    height = 1.5 + 0.27 * len(ordered) + 0.12 * len(named)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        _group_rows(axes, ordered)
        legend_above(figure, axes)

    return draw("toxicity_by_group", alt, (6.4, height), paint)


def _group_rows(axes: Axes, rows: Sequence[GroupRow]) -> None:
    places, place = [], 0.0
    for index, row in enumerate(rows):
        if index and row.axis != rows[index - 1].axis:
            axes.axhline(place + 0.2, color=GRID, linewidth=1.0)
            place += 0.4
        places.append(place)
        place += 1
    for row, at in zip(rows, places, strict=True):
        axes.plot([row.base, row.tuned], [at, at], color=MUTED, linewidth=1.6, zorder=2)
    axes.plot([row.base for row in rows], places, linestyle="none", label="base", zorder=3, **BASE_MARK)
    axes.plot([row.tuned for row in rows], places, linestyle="none", label="tuned", zorder=4, **TUNED_MARK)
    axes.set_yticks(places, [_label(row) for row in rows])
    axes.set_ylim(places[-1] + 0.8, -0.8)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0, labelsize=9.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("mean toxicity of prompt and continuation (probability)")


def _label(row: GroupRow) -> str:
    return row.group if row.group == row.axis else f"{row.axis} · {row.group}"


def _over(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    return f"{100 * float((values >= 0.5).mean()):.1f} %" if len(values) else "none"
