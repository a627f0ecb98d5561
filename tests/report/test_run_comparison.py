from __future__ import annotations

from dataclasses import replace

from counterpoise.measures.names import LMS, PERPLEXITY, SCORE
from counterpoise.neutral.records import Capability
from counterpoise.records import Pair, PairScore
from counterpoise.report.run_comparison import RunEvidence, compare_runs
from tests.report.synthetic import stereoset_losing_sense

HOW = {"model": "m", "precision": "bf16", "prefix": "bos", "normalisation": "sum"}


def evidence(margins: list[float], *, first_id: int = 0, log_prob: float = -30.0) -> RunEvidence:
    """A run with these tuned margins; base rows and shared-token rows must not count."""
    pairs = [Pair(first_id + n, "age", "stereo", f"more {n}", f"less {n}") for n in range(len(margins))]
    scores = [
        row
        for pair, margin in zip(pairs, margins, strict=True)
        for row in (
            PairScore(pair.pair_id, "base", -50.0, -10.0, 5, 5),
            PairScore(pair.pair_id, "tuned", -20.0 + margin, -20.0, 5, 5),
            PairScore(pair.pair_id, "tuned", -90.0, -10.0, 3, 3, "shared"),
        )
    ]
    capability = [Capability(n, "tuned", log_prob, 10) for n in range(20)]
    return RunEvidence(pairs, scores, {n: f"text {n}" for n in range(20)}, capability, [], HOW)


def test_pairs_are_matched_by_their_sentences() -> None:
    # 12 pairs in common, with other row numbers: the first run prefers the stereotype in all, the second in half.
    first = evidence([1.0] * 12)
    second = evidence([1.0, -1.0] * 6 + [5.0], first_id=100)
    score = compare_runs(first, second, "sum").measures.one(SCORE)
    assert (score.n, score.base, score.tuned, score.flips) == (12, 100.0, 50.0, (0, 6))
    assert score.p == 2 * 0.5**6  # six changes, all one way


def test_perplexity_and_stereoset_are_paired_by_text_and_example() -> None:
    first, second = evidence([1.0, -1.0]), evidence([1.0, -1.0], log_prob=-40.0)
    second = replace(second, benchmarks=stereoset_losing_sense())
    first = replace(
        first,
        benchmarks=[replace(r, variant="tuned") for r in stereoset_losing_sense() if r.variant == "base"],
    )
    found = compare_runs(first, second, "sum").measures
    assert round(1 + found.one(PERPLEXITY).change / 100, 6) == 2.718282  # e^(40/10) / e^(30/10)
    assert (found.one(LMS).base, found.one(LMS).tuned) == (100.0, 90.0)


def test_runs_that_measured_differently_or_share_nothing_are_said_to() -> None:
    other = replace(evidence([1.0]), measured_as=HOW | {"prefix": "eos"})
    assert compare_runs(evidence([1.0]), other, "sum").cautions == ("prefix differs: bos against eos",)
    nothing = compare_runs(evidence([]), evidence([1.0]), "sum")
    assert nothing.measures.get(SCORE) is None
