"""What a person sees while the pipeline runs: lines and a bar in the terminal, log lines and progress in Prefect."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from contextvars import ContextVar

from prefect import get_run_logger, runtime
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from counterpoise.engine.dashboard import ProgressArtifact
from counterpoise.engine.execute import Outcome
from counterpoise.engine.reporting import Reporter
from counterpoise.flows.interrupts import current
from counterpoise.flows.terminal import console

quiet: ContextVar[bool] = ContextVar("quiet", default=False)
"""Set by ``--json``: nothing but the result is printed."""


class SilentReporter:
    """Shows nothing."""

    def started(self, label: str) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""

    def moved(self, label: str, done: int, total: int) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""

    def waiting(self, label: str, owner: str) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""

    def finished(self, outcome: Outcome) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""

    def failed(self, label: str, error: BaseException) -> None:
        """See :class:`counterpoise.engine.reporting.Reporter`."""


class ConsoleReporter:
    """One line a finished stage on stderr, with a moving bar for the current one when it is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    def started(self, label: str) -> None:
        """Shows the stage's bar."""
        if not self._console.is_terminal:
            return
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._bar.add_task(f"{label:<24}", total=None)
        self._bar.start()

    def moved(self, label: str, done: int, total: int) -> None:
        """Moves the bar."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def waiting(self, label: str, owner: str) -> None:
        """Says what the stage waits for, above its bar."""
        self._print(f"… {label:<24} waits for process {owner}, which is computing it", cut=True)

    def finished(self, outcome: Outcome) -> None:
        """Replaces the bar by the stage's line."""
        self._stop()
        style = "dim" if outcome.state == "cached" else "green"
        self._print(finished_line(outcome, self._console.width), style, cut=True)

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """Says why the stage is tried again, and when: nothing else says it of a try that is not the last."""
        self._stop()
        self._print(f"↻ {label:<24} tried again in {delay_s:.0f} s: {error}", "yellow")

    def failed(self, label: str, error: BaseException) -> None:
        """Marks the stage that ended the run; the error itself is printed once, at the end."""
        self._stop()
        self._print(f"✗ {label}", "red")

    def _print(self, line: str, style: str = "", *, cut: bool = False) -> None:
        """A line; nobody may read it any more, which is no reason to end the run. After a stop was told, nothing."""
        if (asked := current()) is not None and asked.number:
            return
        with contextlib.suppress(OSError):
            self._console.print(
                line,
                style=style,
                highlight=False,
                markup=False,
                no_wrap=cut,
                overflow="ellipsis" if cut else None,
            )

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def finished_line(outcome: Outcome, width: int) -> str:
    """A stage's line: where it does not fit, words are cut and numbers stay."""
    rows = f"{outcome.ref.rows:>7,} rows" if outcome.ref.rows is not None else " " * 12
    numbers = f"{rows} {outcome.seconds:>7.1f} s"
    mark = "=" if outcome.state == "cached" else "✓"
    why = f"  {outcome.reason}" if outcome.reason not in ("", "first time") else ""
    line = f"{mark} {outcome.label:<24} {outcome.state:<9}{numbers}"
    if len(line) <= width:
        return line + why if len(line) + 4 < width else line
    room = max(4, width - len(numbers) - 2)
    label = outcome.label if len(outcome.label) <= room else f"{outcome.label[: room - 1]}…"
    return f"{mark} {label:<{room}}{numbers}"


def console_reporter() -> Reporter:
    """The terminal's reporter; a silent one under ``--json``, and in a worker's run, whose log says the same.

    A worker that is killed takes the terminal of its run along, which goes on and must not fail for a line.
    """
    deployed = runtime.deployment.id is not None
    return SilentReporter() if quiet.get() or deployed else ConsoleReporter(console(stderr=True))


def branch_lines(parallel: int) -> Callable[[str, str], None]:
    """Shows what a sweep's branches print about their stages; with several at a time, each line names its branch."""
    screen = console(stderr=True)
    silent = quiet.get()
    started: set[str] = set()

    def show(label: str, line: str) -> None:
        if silent:
            return
        if parallel == 1 and label not in started:
            started.add(label)
            screen.print(label, style="bold", highlight=False, markup=False)
        text = line if parallel == 1 else f"{label} │ {line}"
        screen.print(text, highlight=False, markup=False)

    return show


class DashboardReporter:
    """Progress artifacts that move in Prefect's dashboard, and one log line a stage where Prefect's logs are on."""

    def __init__(self) -> None:
        self._bars: dict[str, ProgressArtifact] = {}

    def started(self, label: str) -> None:
        """A bar for the stage, shown once it moves."""
        key = re.sub(r"[^a-z0-9]+", "-", label.lower())
        self._bars[label] = ProgressArtifact(f"progress-{key}", f"Progress of {label}")

    def moved(self, label: str, done: int, total: int) -> None:
        """Moves the bar."""
        self._bars[label](done, total)

    def waiting(self, label: str, owner: str) -> None:
        """Logs what the stage waits for."""
        get_run_logger().info("%s: waits for process %s, which is computing it", label, owner)

    def finished(self, outcome: Outcome) -> None:
        """Logs what became of the stage."""
        rows = f"{outcome.ref.rows:,} rows, " if outcome.ref.rows is not None else ""
        why = f" ({outcome.reason})" if outcome.reason else ""
        get_run_logger().info(
            "%s: %s, %skey %s, %.1f s%s",
            outcome.label, outcome.state, rows, outcome.ref.key[:12], outcome.seconds, why,
        )  # fmt: skip

    def retrying(self, label: str, error: BaseException, delay_s: float) -> None:
        """Prefect's own state says it."""

    def failed(self, label: str, error: BaseException) -> None:
        """Prefect's own state says it."""


def dashboard_reporter() -> Reporter:
    """The dashboard's reporter; for use inside a flow."""
    return DashboardReporter()
