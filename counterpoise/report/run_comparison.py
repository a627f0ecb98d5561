"""Two runs' tuned models against each other, over what both of them scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.measures.benchmarks import benchmark_measures
from counterpoise.measures.crows import Scored, comparison
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.perplexity import perplexity_measure
from counterpoise.measures.results import measure_json
from counterpoise.neutral.records import Capability
from counterpoise.records import Normalisation, Pair, PairScore

Sentence = tuple[str, str]
"""Both sentences of a pair: what identifies it, whatever its row number."""


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What one run measured of its tuned models.

    Attributes:
        pairs: every pair of the run.
        scores: held-out scores; base and other readings may be among them.
        neutral: id → text of the neutral sentences.
        capability, benchmarks: as in the run's tables.
        measured_as: prefix, precision and normalisation: numbers compare only where these agree.
    """

    pairs: Sequence[Pair]
    scores: Sequence[PairScore]
    neutral: Mapping[int, str]
    capability: Sequence[Capability]
    benchmarks: Sequence[BenchmarkScore]
    measured_as: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The second run's tuned model (``tuned``) against the first one's (``base``), over what both scored.

    Attributes:
        cautions: why the numbers may not be comparable.
    """

    measures: Measures
    cautions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"cautions": list(self.cautions), "measures": [measure_json(row) for row in self.measures]}


def compare_runs(
    first: RunEvidence, second: RunEvidence, normalisation: Normalisation, *, seed: int = 0
) -> RunComparison:
    """Paired tests over the pairs, neutral sentences and benchmark examples that both runs scored."""
    cautions = [
        f"{name} differs: {value} against {second.measured_as.get(name)}"
        for name, value in first.measured_as.items()
        if second.measured_as.get(name) != value
    ]
    examples = [*_as(first.benchmarks, "base"), *_as(second.benchmarks, "tuned")]
    measures = [
        *_scores(first, second, normalisation, seed),
        *_perplexity(first, second, seed),
        *benchmark_measures(examples, seed=seed),
    ]
    return RunComparison(Measures(measures), tuple(cautions))


def _scores(
    first: RunEvidence, second: RunEvidence, normalisation: Normalisation, seed: int
) -> list[Measure]:
    before, after = _tuned(first), _tuned(second)
    pairs = [pair for pair in first.pairs if _key(pair) in before and _key(pair) in after]
    if not pairs:
        return []
    base, tuned = (
        [replace(scored[_key(pair)], pair_id=pair.pair_id) for pair in pairs] for scored in (before, after)
    )
    return comparison(Scored(pairs, base, tuned), normalisation, seed=seed)


def _tuned(evidence: RunEvidence) -> dict[Sentence, PairScore]:
    by_id = {pair.pair_id: pair for pair in evidence.pairs}
    return {
        _key(by_id[row.pair_id]): row
        for row in evidence.scores
        if row.variant == "tuned" and row.reading == "whole" and row.pair_id in by_id
    }


def _key(pair: Pair) -> Sentence:
    return pair.more, pair.less


def _perplexity(first: RunEvidence, second: RunEvidence, seed: int) -> list[Measure]:
    before, after = _sentences(first), _sentences(second)
    texts = sorted(before.keys() & after.keys())
    if not texts:
        return []
    base, tuned = ([scored[text][0] for text in texts] for scored in (before, after))
    return [perplexity_measure(base, tuned, [before[text][1] for text in texts], seed=seed)]


def _sentences(evidence: RunEvidence) -> dict[str, tuple[float, int]]:
    """Text → mean log-probability over the run's adapters, and its tokens."""
    found: dict[str, list[Capability]] = defaultdict(list)
    for row in evidence.capability:
        if row.variant == "tuned" and row.text_id in evidence.neutral:
            found[evidence.neutral[row.text_id]].append(row)
    return {
        text: (sum(row.log_prob for row in rows) / len(rows), rows[0].tokens) for text, rows in found.items()
    }


def _as(rows: Iterable[BenchmarkScore], variant: Any) -> list[BenchmarkScore]:
    return [replace(row, variant=variant) for row in rows if row.variant == "tuned"]
