"""The bar that commands show while something long goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as rich_progress
from rich.console import Console

from counterpoise.records import Progress


@contextmanager
def progress_bar(hidden: bool) -> Iterator[Progress]:
    """A bar on stderr while something long goes on, in a terminal only."""
    columns = (
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    off = hidden or not sys.stderr.isatty()
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True, disable=off) as bars:
        bar = bars.add_task("", total=None)

        def show(done: int, total: int) -> None:
            bars.update(bar, completed=done, total=total or None)

        yield show
