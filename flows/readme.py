"""Puts a finished run's numbers and chart into the README: ``python -m flows.readme [RUN]``, or ``make readme``.

What is committed is the run's own summary and chart under docs/results/; the README's block is generated from them, and
a test checks that they agree.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from counterpoise.errors import UsageError
from counterpoise.report.table import readme_block

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
START, END = "<!-- results:start -->", "<!-- results:end -->"
CHART = "![Share of held-out pairs preferring the stereotype, by category](docs/results/scores.png)"


def with_results(readme: str, summary: dict[str, Any]) -> str:
    """The README with its results block made anew from a summary.

    Raises:
        UsageError: the README has no such block.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise UsageError(f"README.md: no {START} … {END} block", "put the two comments back")
    return f"{before}{START}\n{readme_block(summary)}\n\n{CHART}\n{END}{after}"


def main(run: str, store_url: str) -> None:
    """Copies the run's summary and chart into docs/results/ and rewrites the README's block."""
    from artifacts.store import Store
    from flows.commands.show import report_folder

    store = Store.open(store_url, create=False)
    record = store.run(run)
    folder = report_folder(store, record)
    if folder is None:
        raise UsageError(
            f"run {record['run']} has no report: it is {record['status']}", "name a finished run"
        )
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "summary.json", RESULTS / f"{record['profile']}.json")
    shutil.copyfile(folder / "charts" / "scores.png", RESULTS / "scores.png")
    readme = ROOT / "README.md"
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    readme.write_text(with_results(readme.read_text(encoding="utf-8"), summary), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "latest", "store")
