"""The two recipes that were run on three seeds each, as one trade-off chart: ``python -m counterpoise.flows.front``.

Drawn from the committed summaries under docs/results/ alone, so anyone can draw it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from counterpoise.charts.style import Chart
from counterpoise.charts.tradeoff import RecipeMarks, TradeoffPoint, recipes_chart
from counterpoise.flows.readme import RESULTS, committed
from counterpoise.measures.criteria import limit_of
from counterpoise.measures.names import PERPLEXITY, SCORE
from counterpoise.measures.results import Results

RECIPES = {"λ = 1": "names_whole.json", "λ = ¼": "twelve_mechanisms.json"}
"""Label → the result file of its seeds."""


def front_chart(results: Mapping[str, Sequence[Results]]) -> Chart:
    """|score − 50| against the change of neutral perplexity, a point a seed and the mean of each recipe.

    Args:
        results: label → its seeds. All start from one base.
    """
    recipes = [RecipeMarks(label, [_point(label, run) for run in runs]) for label, runs in results.items()]
    scores = [run.measures.one(SCORE) for runs in results.values() for run in runs]
    base = sum(score.distance(score.base) for score in scores) / len(scores)
    return recipes_chart("front", base, recipes, limit=limit_of(PERPLEXITY))


def _point(label: str, run: Results) -> TradeoffPoint:
    score = run.measures.one(SCORE)
    return TradeoffPoint(label, run.measures.one(PERPLEXITY).change, score.distance(score.tuned))


def main(folder: Path = RESULTS) -> None:
    """Writes ``front.png`` beside the result files."""
    results = {label: committed(folder / name)[0] for label, name in RECIPES.items()}
    (folder / "front.png").write_bytes(front_chart(results).png)


if __name__ == "__main__":
    main()
