"""Published methods beside the default recipe, in docs and README: ``python -m counterpoise.flows.methods [FILE]``.

FILE is the results.json of a comparison, as ``counterpoise sweep docs/ablation.toml`` leaves one; it is copied to
docs/results/. Without it the pages are drawn again from the file that is committed there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from counterpoise.errors import CounterpoiseError
from counterpoise.flows.readme import RESULTS, ROOT, between
from counterpoise.measures.sweeps import read_sweep
from counterpoise.report.methods import methods_block, methods_page
from counterpoise.report.sweep.build import tradeoff_charts

COMMITTED = RESULTS / "methods.json"
PAGE = ROOT / "docs" / "methods.md"
START, END = "<!-- methods:start -->", "<!-- methods:end -->"


def main(found: Path | None = None) -> None:
    """Writes docs/methods.md and the README's table.

    Raises:
        CounterpoiseError: FILE is no comparison's, or the README has no place for the table.
    """
    if found is not None:
        read_sweep(found)
        shutil.copyfile(found, COMMITTED)
    results = read_sweep(COMMITTED)
    (chart,) = tradeoff_charts(results.recipes)
    (RESULTS / "methods.png").write_bytes(chart.png)
    PAGE.write_text(methods_page(results, chart.alt), encoding="utf-8")
    readme = ROOT / "README.md"
    text = between(readme.read_text(encoding="utf-8"), START, END, methods_block(results))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    except CounterpoiseError as error:
        sys.exit(str(error))
