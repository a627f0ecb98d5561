"""Puts finished runs' numbers and a chart into the README: ``python -m counterpoise.flows.readme [RUN …]``, or
``make readme``.

What is committed is the runs' own summaries, and the first one's chart, under docs/results/; the README's block is
generated from them, and a test checks that they agree. Several runs are the seeds of one recipe. Runs of another
profile than ``local`` get a page of their own and a line in the README.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoise.errors import UsageError
from counterpoise.measures.measure import Measures
from counterpoise.measures.results import Results, measure_json, read_results, results_from, to_text
from counterpoise.measures.sweeps import measures_from, read_sweep
from counterpoise.report.readme import readme_block, results_page

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
MAIN = "local"
"""The profile whose numbers the README shows."""
PAGES = {MAIN: "docs/results.md", "gemma3-270m": "docs/results-gemma3-270m.md"}
"""Profile → the page of its committed results."""
START, END = "<!-- results:start -->", "<!-- results:end -->"
CHART = "![Share of held-out pairs preferring the stereotype, by category](docs/results/scores.png)"


def with_results(readme: str, runs: Sequence[Results], others: Mapping[str, Sequence[Results]]) -> str:
    """The README with its results block made anew from result files' content; see :func:`committed`.

    Args:
        others: page → its runs, of profiles other than ``local``.

    Raises:
        UsageError: the README has no such block.
    """
    return between(readme, START, END, f"{CHART}\n\n{readme_block(runs, others)}")


def between(page: str, start: str, end: str, block: str) -> str:
    """``page`` with what stands between two comments replaced.

    Raises:
        UsageError: the comments are not there.
    """
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise UsageError(f"README.md: no {start} … {end} block", "put the two comments back")
    return f"{before}{start}\n{block}\n{end}{after}"


def main(runs: Sequence[str], store_url: str) -> None:
    """Writes the runs' summaries and chart into docs/results/ and rewrites the README's block.

    Raises:
        UsageError: a run has no report, or the runs are of several profiles or of the same seed twice.
    """
    from counterpoise.artifacts.store import Store

    store = Store.open(store_url, create=False)
    folders = [_report(store, run) for run in runs]
    found = [read_results(folder / "results.json") for folder in folders]
    seeds, profiles = [one.facts.seed for one in found], {one.facts.profile for one in found}
    if len(set(seeds)) < len(seeds) or len(profiles) > 1:
        raise UsageError(
            f"runs of the profiles {sorted(profiles)} and seeds {seeds}",
            "name runs of one profile, each with another seed",
        )
    (profile,) = profiles
    if profile not in PAGES:
        raise UsageError(f"runs of the profile {profile}", f"name runs of {' or '.join(PAGES)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    averaged = _averaged(store, runs) if len(runs) > 1 else None
    write_results(RESULTS / f"{profile}.json", found, averaged)
    (ROOT / PAGES[profile]).write_text(page(found, averaged), encoding="utf-8")
    if profile == MAIN:
        shutil.copyfile(folders[0] / "charts" / "scores.png", RESULTS / "scores.png")
    readme = ROOT / "README.md"
    shown = committed(RESULTS / f"{MAIN}.json")[0]
    readme.write_text(
        with_results(readme.read_text(encoding="utf-8"), shown, committed_others()), encoding="utf-8"
    )


def committed_others() -> dict[str, list[Results]]:
    """Page → the committed runs of every profile that has some, ``local`` apart."""
    files = {page: RESULTS / f"{profile}.json" for profile, page in PAGES.items() if profile != MAIN}
    return {page: committed(file)[0] for page, file in files.items() if file.exists()}


def page(runs: Sequence[Results], averaged: Measures | None) -> str:
    """A profile's page: every number that the README's are taken from."""
    title = "Results" if runs[0].facts.profile == MAIN else f"Results: {runs[0].facts.model}"
    return f"# {title}\n\n{results_page(runs, averaged)}\n"


def write_results(path: Path, runs: Sequence[Results], averaged: Measures | None) -> None:
    """Writes what is committed of several seeds of one recipe."""
    values = {"runs": [run.to_json() for run in runs]}
    more = {"averaged": [measure_json(row) for row in averaged]} if averaged else {}
    path.write_text(to_text(values | more) + "\n", encoding="utf-8")


def committed(path: Path) -> tuple[list[Results], Measures | None]:
    """The runs in a committed result file, and their average over seeds where there are several.

    Raises:
        DataError: as :func:`counterpoise.measures.results.results_from`.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    runs = [results_from(row, str(path)) for row in values["runs"]]
    return runs, measures_from(values["averaged"]) if "averaged" in values else None


def _averaged(store: Any, runs: Sequence[str]) -> Measures:
    """The measures with each pair's margin averaged over the runs' seeds."""
    from counterpoise.flows.commands.compare import compared

    made = compared(store, "seeds", runs)
    (recipe,) = read_sweep(store.fetch(made.ref) / "results.json").recipes
    return recipe.averaged


def _report(store: Any, run: str) -> Path:
    from counterpoise.engine.run_record import RunRecord

    folder: Path = store.fetch(RunRecord(store.run(run)).first("report"))
    return folder


if __name__ == "__main__":
    from counterpoise.errors import CounterpoiseError

    try:
        main(sys.argv[1:] or ["latest"], os.environ.get("COUNTERPOISE_STORE", "store"))
    except CounterpoiseError as error:
        sys.exit(str(error))
