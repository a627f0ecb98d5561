"""What the dashboard calls a stage that has ended: what it came to, in a few words."""

from __future__ import annotations

from counterpoise.engine.execute import Outcome

UNITS = {
    "neutral": "sentences",
    "own-text": "texts",
    "pairs": "pairs",
    "revised-pairs": "pairs",
    "counterfactuals": "swapped sentences",
    "toxicity": "toxicity scores",
    "preferences": "preferences",
    "scores": "pair scores",
    "revised-scores": "pair scores",
    "capability": "sentences",
    "benchmarks": "answers",
    "benchmarks-base": "answers",
    "generations": "texts",
    "generations-base": "texts",
    "generations-null": "texts",
    "generation-toxicity": "toxicity scores",
}
"""What the rows of a stage's main table are."""


def title(outcome: Outcome) -> str:
    """The stage, what came of it, and whether it came from the store: ``adapter, fold 0: strength 0.75, cached``.

    In ASCII: the graph is drawn with a font that leaves out arrows and middle dots.
    """
    parts = [came_to(outcome).replace("→", "->"), "cached" if outcome.state == "cached" else ""]
    words = ", ".join(part for part in parts if part)
    name = outcome.label.replace(" · ", ", ")
    return f"{name}: {words}" if words else name


def came_to(outcome: Outcome) -> str:
    """What the stage says of its result, else how much there is of it; empty where there is nothing to count."""
    if outcome.says or outcome.ref.rows is None:
        return outcome.says
    return f"{outcome.ref.rows:,} {UNITS.get(outcome.stage, 'rows')}"
