"""One look for every chart, and bytes that depend on the data alone.

Base and tuned differ in colour, lightness, marker and fill, so that they stay apart in grey print and for
every kind of colour vision. The colours are Okabe and Ito's (2008), darkened until thin lines read on white.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#5d6a79"
GRID = "#dde2e8"
PAPER = "#ffffff"
BASE = "#8a6d3b"
TUNED = "#0b5fa5"
ACCENT = "#c4460d"
THEME = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    BASE: "base",
    TUNED: "tuned",
    ACCENT: "accent",
}
"""The only colours a chart may use, with the CSS variable (``--<name>``) each stands for on a page."""

BASE_MARK: dict[str, Any] = {
    "marker": "o",
    "markersize": 7,
    "color": BASE,
    "markerfacecolor": PAPER,
    "markeredgewidth": 1.8,
}
TUNED_MARK: dict[str, Any] = {"marker": "D", "markersize": 6.5, "color": TUNED}

_RC = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 11,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_LOCK = RLock()


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        name: stable name, also of its files.
        alt: what the chart shows, in words, with its main numbers.
        svg, png: the picture; text in the SVG stays text.
    """

    name: str
    alt: str
    svg: bytes
    png: bytes


def draw(name: str, alt: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> Chart:
    """Lets ``paint`` fill a figure of ``size`` inches and renders it.

    Matplotlib's style is process-wide, so charts are drawn one at a time; a user's own style file is ignored.
    """
    with _style(name):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Title": alt})
        figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
    return Chart(name, alt, svg.getvalue(), png.getvalue())


@contextmanager
def _style(name: str) -> Iterator[None]:
    style: dict[Any, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"}
    style |= {**_RC, "svg.hashsalt": f"counterpoise/{name}"}
    with _LOCK, mpl.rc_context(style):
        yield


def neutral_line(axes: Axes, *, vertical: bool, label: bool = True) -> None:
    """The line at 50 %, where a model prefers neither sentence."""
    line = axes.axvline if vertical else axes.axhline
    line(
        50,
        color=INK,
        linewidth=1.6,
        linestyle=(0, (5, 2)),
        zorder=1,
        label="50 % = neutral" if label else None,
    )


def legend_above(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """The legend of ``axes`` in one line at the top of the figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, fontsize=10, handletextpad=0.5)
