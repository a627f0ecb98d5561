"""Training curves: what the objective says, what it costs meanwhile, and the choice of the strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from counterpoise.charts.style import ACCENT, BASE, INK, TUNED, Chart, draw, neutral_line


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One optimiser step: loss, changes of log-probability and the divergence on own text, both nats per token."""

    step: int
    loss: float
    chosen_change: float
    rejected_change: float
    own_text: float


@dataclass(frozen=True, slots=True)
class StrengthPoint:
    """The trained adapter at one strength: estimated score of unseen pairs (percent), guards passed."""

    strength: float
    score: float
    healthy: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """One training; ``kept`` is the strength that is delivered."""

    steps: Sequence[StepPoint]
    strengths: Sequence[StrengthPoint]
    kept: float


def training_chart(curve: Curve) -> Chart:
    """Loss, change of log-probabilities and divergence by step; the score by strength."""
    ends = [point.score for point in curve.strengths if point.strength in (0.0, curve.kept)]
    alt = (
        f"Training curves over {len(curve.steps)} steps: loss, change of chosen and rejected log-probability, "
        f"divergence from the base on its own text. Strength {curve.kept:g} was kept: the estimated validation score "
        f"went from {ends[0]:.1f} to {ends[-1]:.1f} %, {_moved(ends[0], ends[-1])}."
    )

    def paint(figure: Figure) -> None:
        (loss, change), (own_text, score) = figure.subplots(2, 2)
        _line(loss, curve, "loss", [point.loss for point in curve.steps])
        _change(change, curve)
        _line(own_text, curve, "divergence on own text", [point.own_text for point in curve.steps])
        own_text.set_ylabel("nats per token", fontsize=9.5)
        _score(score, curve)
        for axes in (loss, change, own_text, score):
            axes.grid(axis="y")
            axes.yaxis.set_major_locator(MaxNLocator(5))
        for axes in (loss, change, own_text):
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        own_text.set_xlabel("optimiser step")

    return draw("training", alt, (6.4, 5.2), paint)


def _moved(before: float, after: float) -> str:
    """How a score moved against neutral, in words that agree with the rounded numbers.

    >>> _moved(57.0, 51.0), _moved(49.6, 48.0)
    ('6.0 points nearer to the neutral 50', '1.6 points further from the neutral 50')
    >>> _moved(52.0, 48.5), _moved(51.0, 51.0)
    ('across the neutral 50, from 2.0 to 1.5 points beside it', 'as far from the neutral 50 as before')
    """
    first, last = (abs(round(score, 1) - 50) for score in (before, after))
    if (round(before, 1) - 50) * (round(after, 1) - 50) < 0:
        return f"across the neutral 50, from {first:.1f} to {last:.1f} points beside it"
    if round(first - last, 1) == 0:
        return "as far from the neutral 50 as before"
    nearer = "nearer to" if last < first else "further from"
    return f"{abs(first - last):.1f} points {nearer} the neutral 50"


def _line(axes: Axes, curve: Curve, title: str, values: Sequence[float]) -> None:
    axes.set_title(title)
    axes.plot([point.step for point in curve.steps], values, color=INK, linewidth=1.4)


def _change(axes: Axes, curve: Curve) -> None:
    axes.set_title("log-prob change")
    axes.set_ylabel("nats per token", fontsize=9.5)
    steps = [point.step for point in curve.steps]
    axes.axhline(0, color=INK, linewidth=0.9)
    axes.plot(steps, [p.chosen_change for p in curve.steps], color=TUNED, linewidth=1.6, label="chosen")
    axes.plot(
        steps,
        [p.rejected_change for p in curve.steps],
        color=BASE,
        linewidth=1.6,
        linestyle=(0, (4, 1.5)),
        label="rejected",
    )
    axes.legend(fontsize=9.5, loc="best")


def _score(axes: Axes, curve: Curve) -> None:
    axes.set_title("validation score, %")
    axes.set_xlabel("strength of the adapter")
    neutral_line(axes, vertical=False, label=False)
    points = sorted(curve.strengths, key=lambda point: point.strength)
    axes.plot(
        [point.strength for point in points],
        [point.score for point in points],
        color=TUNED,
        linewidth=1.4,
        marker="D",
        markersize=4,
    )
    bad = [point for point in points if not point.healthy]
    cross: dict[str, Any] = {"marker": "x", "markersize": 9, "markeredgewidth": 2, "linestyle": "none"}
    axes.plot([point.strength for point in bad], [point.score for point in bad], color=ACCENT, **cross)
    axes.axvline(curve.kept, color=ACCENT, linewidth=1.6, linestyle=(0, (1, 1.2)), zorder=1)
    axes.annotate(
        "kept",
        (curve.kept, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 4),
        textcoords="offset points",
        color=ACCENT,
        fontsize=10,
        ha="right",
    )
