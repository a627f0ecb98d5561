"""Training curves: what the objective says, and what the model does meanwhile."""

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
    """One optimiser step: loss, and log-probability changes against the reference in nats per token."""

    step: int
    loss: float
    chosen_change: float
    rejected_change: float


@dataclass(frozen=True, slots=True)
class ProbePoint:
    """The model after ``step`` steps: validation score (percent), neutral perplexity, guards passed."""

    step: int
    score: float
    perplexity: float
    healthy: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """One training; ``selected`` is the step whose adapter was kept."""

    steps: Sequence[StepPoint]
    probes: Sequence[ProbePoint]
    selected: int


def training_chart(curve: Curve, perplexity_limit: float) -> Chart:
    """Loss, log-probability change, validation score and probe perplexity against the step.

    Args:
        perplexity_limit: the perplexity from which a guard rejects a probe.
    """
    first, kept = _probe(curve, 0), _probe(curve, curve.selected)
    alt = (
        f"Training curves over {len(curve.steps)} steps: loss, change of chosen and rejected "
        f"log-probability, validation score, perplexity of neutral text. Step {curve.selected} was kept."
    )
    if first and kept:
        alt += f" Validation score {first.score:.1f} → {kept.score:.1f} %,"
        alt += f" perplexity {first.perplexity:.1f} → {kept.perplexity:.1f}."

    def paint(figure: Figure) -> None:
        (loss, change), (score, perplexity) = figure.subplots(2, 2, sharex=True)
        _loss(loss, curve)
        _change(change, curve)
        _score(score, curve)
        _perplexity(perplexity, curve, perplexity_limit)
        for axes in (loss, change, score, perplexity):
            axes.axvline(curve.selected, color=ACCENT, linewidth=1.6, linestyle=(0, (1, 1.2)), zorder=1)
            axes.grid(axis="y")
            axes.yaxis.set_major_locator(MaxNLocator(5))
        for axes in (score, perplexity):
            axes.set_xlabel("optimiser step")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        score.annotate(
            "kept",
            (curve.selected, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, 4),
            textcoords="offset points",
            color=ACCENT,
            fontsize=10,
        )

    return draw("training", alt, (6.4, 5.2), paint)


def _probe(curve: Curve, step: int) -> ProbePoint | None:
    return next((probe for probe in curve.probes if probe.step == step), None)


def _loss(axes: Axes, curve: Curve) -> None:
    axes.set_title("loss")
    axes.plot(
        [point.step for point in curve.steps], [point.loss for point in curve.steps], color=INK, linewidth=1.4
    )


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
    neutral_line(axes, vertical=False, label=False)
    _probe_line(axes, curve, [probe.score for probe in curve.probes])


def _perplexity(axes: Axes, curve: Curve, limit: float) -> None:
    axes.set_title("neutral perplexity")
    values = [probe.perplexity for probe in curve.probes]
    _probe_line(axes, curve, values)
    if values and limit < max(values) + (max(values) - min(values)) + 1:
        axes.axhline(limit, color=INK, linewidth=1.2, linestyle=(0, (5, 2)))
        axes.annotate(
            "guard",
            (1, limit),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=9.5,
            color=INK,
        )


def _probe_line(axes: Axes, curve: Curve, values: Sequence[float]) -> None:
    steps = [probe.step for probe in curve.probes]
    axes.plot(steps, values, color=TUNED, linewidth=1.4, marker="D", markersize=4)
    bad = [index for index, probe in enumerate(curve.probes) if not probe.healthy]
    cross: dict[str, Any] = {
        "marker": "x",
        "markersize": 9,
        "markeredgewidth": 2,
        "color": ACCENT,
        "linestyle": "none",
    }
    axes.plot([steps[index] for index in bad], [values[index] for index in bad], **cross)
