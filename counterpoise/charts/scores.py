"""CrowS-Pairs score by category, base against tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from counterpoise.charts.style import BASE_MARK, GRID, TUNED_MARK, Chart, draw, legend_above, neutral_line

Interval = tuple[float, float]
OFFSET = 0.17
"""Half the distance between a row's base and tuned marks, in rows."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row: scores and their 95 % intervals in percent, over ``n`` pairs."""

    label: str
    n: int
    base: float
    base_interval: Interval
    tuned: float
    tuned_interval: Interval


def score_chart(whole: ScoreRow, categories: Sequence[ScoreRow]) -> Chart:
    """Scores with 95 % intervals: all pairs on top, then the categories, around the 50 % line."""
    rows = [whole, *categories]
    alt = (
        f"CrowS-Pairs score with 95 % intervals, base and tuned, against the neutral 50 %. All {whole.n} "
        f"pairs: {whole.base:.1f} % before, {whole.tuned:.1f} % after. "
        + "; ".join(f"{row.label} {row.base:.0f} → {row.tuned:.0f}" for row in categories)
        + "."
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        _rows(axes, rows)
        legend_above(figure, axes)

    return draw("scores", alt, (6.4, 1.5 + 0.42 * len(rows)), paint)


def _rows(axes: Axes, rows: Sequence[ScoreRow]) -> None:
    places = [0.0] + [index + 0.5 for index in range(1, len(rows))]
    neutral_line(axes, vertical=True)
    marks = ((BASE_MARK, "base", -OFFSET), (TUNED_MARK, "tuned", OFFSET))
    for style, side, offset in marks:
        values = [getattr(row, side) for row in rows]
        intervals = [getattr(row, f"{side}_interval") for row in rows]
        errors = [
            [max(0.0, value - low) for value, (low, _) in zip(values, intervals, strict=True)],
            [max(0.0, high - value) for value, (_, high) in zip(values, intervals, strict=True)],
        ]
        axes.errorbar(
            values,
            [place + offset for place in places],
            xerr=errors,
            linestyle="none",
            elinewidth=1.8,
            label=side,
            zorder=3,
            **style,
        )
    axes.set_yticks(places, [f"{row.label} ({row.n:,})" for row in rows])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.axhline(0.75, color=GRID, linewidth=1.2)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("pairs whose stereotyping sentence is more likely, %")
