"""Bias distance against capability loss: what a fairer score cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from counterpoise.charts.style import (
    ACCENT,
    BASE_MARK,
    GRID,
    INK,
    MUTED,
    PAPER,
    TUNED_MARK,
    Chart,
    draw,
    legend_above,
)


@dataclass(frozen=True, slots=True)
class TradeoffPoint:
    """One model: |score − 50| in points, and its perplexity change against the base in percent."""

    label: str
    perplexity_change: float
    distance: float


def tradeoff_chart(
    base_distance: float, tuned: TradeoffPoint, others: Sequence[TradeoffPoint], limit: float
) -> Chart:
    """|score − 50| against the change of neutral perplexity; the lower left corner is where one wants to be.

    Args:
        base_distance: the base's |score − 50|, points.
        others: further recipes, or the probed checkpoints of this one.
        limit: largest perplexity change that the guards accept, percent.
    """
    points = [TradeoffPoint("base", 0.0, base_distance), tuned, *others]
    alt = (
        f"Distance from neutral against perplexity change. Base: {base_distance:.1f} points at 0 %; "
        f"{tuned.label}: {tuned.distance:.1f} points at {tuned.perplexity_change:+.1f} %."
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        _region(axes, [limit, *(point.perplexity_change for point in points)], limit)
        for point in others:
            _small(axes, point)
        arrow: dict[str, Any] = {
            "arrowstyle": "->",
            "color": ACCENT,
            "linewidth": 1.8,
            "shrinkA": 7,
            "shrinkB": 7,
        }
        ends = (tuned.perplexity_change, tuned.distance), (0.0, base_distance)
        axes.annotate("", *ends, arrowprops=arrow)
        axes.plot(0, base_distance, linestyle="none", label="base", zorder=4, **BASE_MARK)
        axes.plot(*ends[0], linestyle="none", label=tuned.label, zorder=5, **TUNED_MARK)
        axes.set_ylim(bottom=-0.04 * max(1.0, *(point.distance for point in points)))
        legend_above(figure, axes)

    return draw("tradeoff", alt, (6.4, 4.0), paint)


def _region(axes: Axes, changes: Sequence[float], limit: float) -> None:
    """Axes wide enough for every point, hatched where the perplexity change is over the limit."""
    margin = 0.12 * (max(changes) - min(changes)) or 1.0
    right = max(changes) + margin
    axes.set_xlim(min(changes) - margin, right)
    axes.axvspan(limit, right, facecolor=GRID, alpha=0.55, hatch="\\\\", edgecolor=PAPER, linewidth=0)
    axes.axhline(0, color=INK, linewidth=1.2, linestyle=(0, (5, 2)))
    axes.grid()
    axes.set_xlabel("change of neutral perplexity, %  (hatched: over the limit)")
    axes.set_ylabel("|score − 50|, points")


def _small(axes: Axes, point: TradeoffPoint) -> None:
    place = (point.perplexity_change, point.distance)
    axes.plot(*place, marker="s", markersize=5, color=MUTED, linestyle="none")
    axes.annotate(point.label, place, (5, -11), textcoords="offset points", fontsize=9, color=MUTED)
