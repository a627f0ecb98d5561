"""A summary as a table: for the terminal and, in `counterpoise.report.readme`, for the README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("", "pairs", "base", "tuned", "change", "p")


def score_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Overall and by category: held-out pairs, base and tuned percent with 95 % interval, change, p.

    p is exact McNemar overall and Holm-adjusted by category.
    """
    scores = summary["scores"]
    yield _row("all categories", scores, scores["p"])
    for name, category in sorted(scores["by_category"].items(), key=lambda item: -item[1]["n"]):
        yield _row(name, category, category["holm_p"])


def score_table(summary: Mapping[str, Any]) -> Table:
    """The rows of :func:`score_rows` for a terminal."""
    from rich.table import Table

    title = "CrowS-Pairs, held out: % preferring the stereotype \\[95 % interval]"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    rows = list(score_rows(summary))
    table.add_column(COLUMNS[0], min_width=4, overflow="ellipsis")  # a narrow terminal cuts words,
    for name, cells in zip(
        COLUMNS[1:], list(zip(*rows, strict=True))[1:], strict=True
    ):  # numbers take two lines
        longest = max(len(word) for cell in cells for word in cell.split())
        spaced = any(" " in cell for cell in cells)
        table.add_column(name, justify="right", min_width=longest, no_wrap=not spaced)
    for row in rows:
        table.add_row(*row)
    return table


def capability_line(summary: Mapping[str, Any]) -> str:
    """Perplexity, usable text and toxicity before and after, on one line."""
    perplexity, text = summary["perplexity"], summary["text"]
    toxicity = " · ".join(
        f"toxicity ({name}) {item['base']:.3f} → {item['tuned']:.3f}"
        for name, item in summary["toxicity"].items()
    )
    return (
        f"neutral perplexity {perplexity['base']:.1f} → {perplexity['tuned']:.1f} "
        f"({100 * (perplexity['ratio'] - 1):+.1f} %) · usable text {_percent(text['base']['usable'])} → "
        f"{_percent(text['tuned']['usable'])} · {toxicity}"
    )


def _row(name: str, change: Mapping[str, Any], p: float) -> tuple[str, str, str, str, str, str]:
    base, tuned = change["base"], change["tuned"]
    return (
        name,
        str(change["n"]),
        score_text(base),
        score_text(tuned),
        f"{change['difference']:+.1f}",
        p_text(p),
    )


def score_text(score: Mapping[str, Any]) -> str:
    """A score and its interval."""
    low, high = score["interval"]
    return f"{score['score']:.1f} [{low:.1f}, {high:.1f}]"


def p_text(p: float) -> str:
    """A p-value, never as 0."""
    if p < 1e-6:  # summaries keep six digits
        return "<1e-6"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _percent(value: float) -> str:
    return f"{value:.0f} %"
