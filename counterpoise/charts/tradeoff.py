"""Bias distance against capability loss: what a fairer score cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from counterpoise.charts.labels import label_offsets
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

FONT = 9.0
"""Size of the labels, points."""


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
            axes.plot(point.perplexity_change, point.distance, **_SMALL_MARK)
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
        _label(axes, others, MUTED)
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


_SMALL_MARK: dict[str, Any] = {"marker": "s", "markersize": 5, "color": MUTED, "linestyle": "none"}


def _label(axes: Axes, points: Sequence[TradeoffPoint], color: str) -> None:
    """Every point's label, where it covers no other; the axes' limits must be set."""
    places = [(point.perplexity_change, point.distance) for point in points]
    pixels = axes.transData.transform(places).tolist() if places else []
    scale = 72 / axes.figure.dpi
    offsets = label_offsets(
        [(scale * x, scale * y) for x, y in pixels], [point.label for point in points], FONT
    )
    for point, place, offset in zip(points, places, offsets, strict=True):
        axes.annotate(
            point.label,
            place,
            (offset.x, offset.y),
            textcoords="offset points",
            ha=offset.align,
            va="bottom",
            fontsize=FONT,
            color=color,
        )


@dataclass(frozen=True, slots=True)
class RecipeMarks:
    """One recipe of a sweep: a point a seed, and the mean over them."""

    label: str
    seeds: Sequence[TradeoffPoint]

    @property
    def mean(self) -> TradeoffPoint:
        """The mean over the seeds, in both directions."""
        count = len(self.seeds)
        return TradeoffPoint(
            self.label,
            sum(point.perplexity_change for point in self.seeds) / count,
            sum(point.distance for point in self.seeds) / count,
        )


def recipes_chart(
    name: str, base_distance: float, recipes: Sequence[RecipeMarks], limit: float, title: str = ""
) -> Chart:
    """The trade-off of every recipe of a sweep, each with its seeds, against the one base.

    Args:
        name: of the chart and its files.
        base_distance: the base's |score − 50|, points.
        limit: largest perplexity change that the guards accept, percent.
    """
    means = [recipe.mean for recipe in recipes]
    alt = f"Distance from neutral against perplexity change. Base: {base_distance:.1f} points at 0 %; " + (
        "; ".join(f"{mean.label}: {mean.distance:.1f} at {mean.perplexity_change:+.1f} %" for mean in means)
        + "."
    )
    every = [point for recipe in recipes for point in recipe.seeds]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        _region(axes, [limit, 0.0, *(point.perplexity_change for point in every)], limit)
        for recipe in recipes:
            _recipe(axes, recipe)
        axes.plot(0, base_distance, linestyle="none", label="base", zorder=4, **BASE_MARK)
        axes.plot([], [], linestyle="none", label="recipe, mean of its seeds", **TUNED_MARK)
        axes.plot([], [], label="one seed", **_SEED_MARK)
        top = max([base_distance, *(point.distance for point in every)])
        axes.set_ylim(-0.04 * max(1.0, top), 1.12 * max(1.0, top))
        if title:
            axes.set_title(title)
        _label(axes, means, INK)
        legend_above(figure, axes)

    return draw(name, alt, (6.4, 4.4), paint)


_SEED_MARK: dict[str, Any] = {"marker": "s", "markersize": 4, "color": MUTED, "linestyle": "none"}


def _recipe(axes: Axes, recipe: RecipeMarks) -> None:
    mean = recipe.mean
    for point in recipe.seeds:
        if len(recipe.seeds) > 1:
            ends = [mean.perplexity_change, point.perplexity_change], [mean.distance, point.distance]
            axes.plot(*ends, color=GRID, linewidth=1.2, zorder=2)
            axes.plot(point.perplexity_change, point.distance, zorder=3, **_SEED_MARK)
    axes.plot(mean.perplexity_change, mean.distance, linestyle="none", zorder=5, **TUNED_MARK)
