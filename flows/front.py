"""The two recipes that were run on three seeds each, as one trade-off chart: ``python -m flows.front``.

Drawn from the committed summaries under docs/results/ alone, so anyone can draw it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import RecipeMarks, TradeoffPoint, recipes_chart
from flows.readme import RESULTS

RECIPES = {"λ = 1": "names_whole.json", "λ = ¼": "local.json"}
"""Label → the result file of its seeds."""


def front_chart(results: Mapping[str, Mapping[str, Any]]) -> Chart:
    """|score − 50| against the change of neutral perplexity, a point a seed and the mean of each recipe.

    Args:
        results: label → content of a result file. All start from one base.
    """
    recipes = [
        RecipeMarks(label, [_point(label, run) for run in found["runs"]]) for label, found in results.items()
    ]
    runs = [run for found in results.values() for run in found["runs"]]
    base = sum(abs(run["scores"]["base"]["score"] - 50) for run in runs) / len(runs)
    return recipes_chart("front", base, recipes, limit=2.0)


def _point(label: str, run: Mapping[str, Any]) -> TradeoffPoint:
    change = 100 * (run["perplexity"]["ratio"] - 1)
    return TradeoffPoint(label, change, abs(run["scores"]["tuned"]["score"] - 50))


def main(folder: Path = RESULTS) -> None:
    """Writes ``front.png`` beside the result files."""
    results = {
        label: json.loads((folder / name).read_text(encoding="utf-8")) for label, name in RECIPES.items()
    }
    (folder / "front.png").write_bytes(front_chart(results).png)


if __name__ == "__main__":
    main()
