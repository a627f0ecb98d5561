"""Puts finished runs' numbers and a chart into the README: ``python -m flows.readme [RUN …]``, or ``make readme``.

What is committed is the runs' own summaries, and the first one's chart, under docs/results/; the README's block is
generated from them, and a test checks that they agree. Several runs are the seeds of one recipe.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from counterpoise.errors import UsageError
from counterpoise.report.readme import readme_block

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
START, END = "<!-- results:start -->", "<!-- results:end -->"
CHART = "![Share of held-out pairs preferring the stereotype, by category](docs/results/scores.png)"


def with_results(readme: str, results: dict[str, Any]) -> str:
    """The README with its results block made anew from a result file's content.

    Raises:
        UsageError: the README has no such block.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise UsageError(f"README.md: no {START} … {END} block", "put the two comments back")
    return (
        f"{before}{START}\n{readme_block(results['runs'], results.get('averaged'))}\n\n{CHART}\n{END}{after}"
    )


def main(runs: Sequence[str], store_url: str) -> None:
    """Writes the runs' summaries and chart into docs/results/ and rewrites the README's block.

    Raises:
        UsageError: a run has no report, or the runs are of several profiles or of the same seed twice.
    """
    from artifacts.store import Store

    store = Store.open(store_url, create=False)
    folders = [_report(store, run) for run in runs]
    summaries = [json.loads((folder / "summary.json").read_text(encoding="utf-8")) for folder in folders]
    seeds, profiles = (
        [summary["seed"] for summary in summaries],
        {summary["profile"] for summary in summaries},
    )
    if len(set(seeds)) < len(seeds) or len(profiles) > 1:
        raise UsageError(
            f"runs of the profiles {sorted(profiles)} and seeds {seeds}",
            "name runs of one profile, each with another seed",
        )
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = {"runs": summaries} | ({"averaged": _averaged(store, runs)} if len(runs) > 1 else {})
    text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (RESULTS / f"{profiles.pop()}.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(folders[0] / "charts" / "scores.png", RESULTS / "scores.png")
    readme = ROOT / "README.md"
    readme.write_text(with_results(readme.read_text(encoding="utf-8"), results), encoding="utf-8")


def _averaged(store: Any, runs: Sequence[str]) -> Any:
    """The change with each pair's margin averaged over the runs' seeds."""
    from flows.commands.compare import compared
    from tasks.comparison import SUMMARY

    made = compared(store, "seeds", runs)
    (recipe,) = json.loads((store.fetch(made.ref) / SUMMARY).read_text(encoding="utf-8"))["recipes"]
    return recipe["averaged"]


def _report(store: Any, run: str) -> Path:
    from engine.run_record import RunRecord

    folder: Path = store.fetch(RunRecord(store.run(run)).first("report"))
    return folder


if __name__ == "__main__":
    from counterpoise.errors import CounterpoiseError

    try:
        main(sys.argv[1:] or ["latest"], os.environ.get("COUNTERPOISE_STORE", "store"))
    except CounterpoiseError as error:
        sys.exit(str(error))
