"""The parts docs/performance.md is put together from: tables, and where something was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Result = dict[str, Any]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, all columns but the first aligned right."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def where(result: Result) -> str:
    """One line: when, on what, with which versions, and whether others used the machine."""
    machine = result["machine"]
    device = machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores"
    threads = (
        f", {machine['threads']} thread{'s' if machine['threads'] != 1 else ''}" if machine["threads"] else ""
    )
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    shared = (
        f" **The machine was shared**: others used {machine['used_by_others']:.0%} of it, "
        "so seconds of wall time are theirs too and ratios are of CPU time."
        if machine["shared"]
        else ""
    )
    return f"*{machine['date']}, {device}{threads}; Python {machine['python']}, {versions}.*{shared}"


def missing(command: str) -> str:
    """What stands where nothing was measured yet."""
    return f"Not measured here yet: `{command}`."


def seconds(value: float) -> str:
    """Seconds with as many digits as they are worth."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:,.1f}"


def verdict(holds: bool) -> str:
    """Whether a target is met."""
    return "yes" if holds else "**no**"
