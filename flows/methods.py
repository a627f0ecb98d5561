"""Published methods beside the default recipe, in docs and README: ``python -m counterpoise.flows.methods [FILE]``.

FILE is the results.json of a comparison, as ``counterpoise sweep docs/ablation.toml`` leaves one; it is copied to
docs/results/. Without it the pages are drawn again from the file that is committed there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.flows.readme import RESULTS, ROOT, between
from counterpoise.measures.sweeps import read_sweep
from counterpoise.report.methods import methods_block, methods_page
from counterpoise.report.sweep.build import tradeoff_charts

COMMITTED = RESULTS / "methods.json"
START, END = "<!-- methods:start -->", "<!-- methods:end -->"


def main(found: Path = COMMITTED, root: Path = ROOT) -> None:
    """Writes docs/methods.md, its chart and the README's table, or nothing.

    Raises:
        CounterpoiseError: FILE is no comparison's, or has several models or seeds, or the README has no place for the
            table.
    """
    results = read_sweep(found)
    models = {recipe.model for recipe in results.recipes}
    if len(models) > 1 or any(len(recipe.seeds) > 1 for recipe in results.recipes):
        raise UsageError(f"{found}: several models or seeds", "give a comparison of one model and one seed")
    (chart,) = tradeoff_charts(results.recipes)
    readme = root / "README.md"
    text = between(readme.read_text(encoding="utf-8"), START, END, methods_block(results))
    kept = root / COMMITTED.relative_to(ROOT)
    if found != kept:
        shutil.copyfile(found, kept)
    kept.with_suffix(".png").write_bytes(chart.png)
    (root / "docs" / "methods.md").write_text(methods_page(results, chart.alt), encoding="utf-8")
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:2]))
    except CounterpoiseError as error:
        sys.exit(str(error))
