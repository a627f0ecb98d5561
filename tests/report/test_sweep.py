"""A sweep's comparison, with its arithmetic in sight: ten pairs, two seeds, two recipes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from artifacts.parquet import read_records, write_table
from artifacts.tables import SWEEP
from counterpoise.errors import DataError
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Pair, PairScore
from counterpoise.report.sweep.build import build_comparison
from counterpoise.report.sweep.findings import sweep_findings
from counterpoise.report.sweep.inputs import BranchEvidence, BranchFacts, Failure, SweepInputs
from counterpoise.report.sweep.rows import SweepRow

PAIRS = [
    FoldedPair.of(Pair(n, "gender" if n % 2 else "age", "stereo", f"more {n}", f"less {n}"), n, n % 2)
    for n in range(10)
]
BASE = [1.0] * 8 + [-1.0] * 2  # the base prefers the stereotype in 8 of 10 pairs


def branch(recipe: str, seed: int, tuned: Sequence[float], **summary: Any) -> BranchEvidence:
    facts = BranchFacts(f"{recipe} · seed {seed}", "tiny", recipe, seed, ("a=1",), (0, 1), "sum", 0.02)
    scores = [
        PairScore(item.pair_id, variant, margin - 9, -9.0, 3, 3)  # type: ignore[arg-type]
        for variant, margins in (("base", BASE), ("tuned", tuned))
        for item, margin in zip(PAIRS, margins, strict=True)
    ]
    scores += [replace(row, more_log_prob=-1.0, reading="shared") for row in scores]  # not what is compared
    given = {
        "outcome": "improved",
        "perplexity": {"base": 20.0, "tuned": 20.2, "ratio": 1.01, "interval": [1.0, 1.02]},
        "text": {"base": {"usable": 90.0}, "tuned": {"usable": 88.0}},
        "benchmarks": [
            {"benchmark": "StereoSet", "metric": "LMS", "base": 80.0, "tuned": 79.0 + seed, "interval": None}
        ],
        "toxicity": {"linear": {"base": 0.1, "tuned": 0.12}},
        "training": [{"fold": f, "strength": 0.75, "status": "neutral", "reason": ""} for f in (0, 1)],
    }
    return BranchEvidence(facts, PAIRS, scores, given | summary, "k" * 64)


HALF = [1.0] * 5 + [-1.0] * 5
ALMOST = [1.0] * 6 + [-1.0] * 4


def test_folds_are_pooled_and_tested_against_the_base() -> None:
    (found,) = sweep_findings(SweepInputs("s", [branch("a", 0, HALF)])).branches
    change = found.overall
    assert (change.base.n, change.base.score, change.tuned.score) == (10, 80.0, 50.0)
    assert (change.gained, change.lost) == (0, 3)
    assert change.p == pytest.approx(2 * 0.5**3)  # three pairs moved, all one way
    assert {name: part.base.n for name, part in found.by_fold.items()} == {0: 5, 1: 5}
    assert set(found.by_category) == {"gender", "age"}


def test_over_seeds_each_pair_counts_once_with_its_mean_margin() -> None:
    other = [-3.0] * 5 + HALF[5:]  # pairs 0-4: +1 in one seed, -3 in the other: -1 on average
    found = sweep_findings(SweepInputs("s", [branch("a", 0, HALF), branch("a", 1, other)]))
    (recipe,) = found.recipes
    assert [item.overall.tuned.score for item in recipe.branches] == [50.0, 0.0]
    assert (recipe.averaged.base.n, recipe.averaged.tuned.score) == (10, 0.0)
    assert recipe.averaged.lost == 8


def test_recipes_are_tested_against_each_other_and_holm_is_over_all_tests() -> None:
    found = sweep_findings(SweepInputs("s", [branch("a", 0, HALF), branch("b", 0, ALMOST)]))
    tests = {(test.first, test.second): test.change for test in found.tests}
    assert set(tests) == {("base", "a"), ("base", "b"), ("a", "b")}
    assert (tests["a", "b"].gained, tests["a", "b"].lost) == (1, 0)
    assert tests["base", "a"].p == 0.25
    assert tests["base", "a"].holm_p == 0.75  # the smallest of three p-values, times three


def test_recipes_without_a_common_pair_are_not_compared() -> None:
    one = branch("a", 0, HALF)
    facts = BranchFacts("b · seed 0", "tiny", "b", 0, (), (1,), "sum", 0.02)
    first = BranchFacts("a · seed 0", "tiny", "a", 0, (), (0,), "sum", 0.02)
    parts = [BranchEvidence(item, PAIRS, one.scores, one.summary, "k") for item in (first, facts)]
    with pytest.raises(DataError, match="no scored pair in common"):
        sweep_findings(SweepInputs("s", parts))


def test_report_names_failures_and_the_verdict_skips_damaged_recipes(tmp_path: Path) -> None:
    inputs = SweepInputs(
        "dose",
        [branch("safe", 0, ALMOST), branch("hot", 0, HALF, outcome="damaged")],
        [Failure("safe · seed 1", "its process was killed by SIGKILL", "counterpoise run --set seed=1")],
    )
    report = build_comparison(inputs)
    assert report.summary["headline"].startswith("safe:")
    assert "1 of 3 branches have no result" in report.summary["sentence"]
    for page in (report.html, report.markdown.replace("\\", "")):
        assert "its process was killed by SIGKILL" in page
        assert "counterpoise run --set seed=1" in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", report.html)
    assert "80.00 → 79.00" in report.html  # StereoSet's LMS, base and tuned
    assert set(report.charts) == {"tradeoff.svg", "tradeoff.png"}
    assert b"hot" in report.charts["tradeoff.svg"]
    write_table(tmp_path / "sweep.parquet", SWEEP, report.rows)
    rows = read_records(tmp_path / "sweep.parquet", SWEEP, SweepRow)
    assert rows == list(report.rows)
    assert [(row.recipe, row.part) for row in rows if row.part == "all"] == [("safe", "all"), ("hot", "all")]
    assert rows[0].perplexity_ratio == 1.01
    assert [field.name for field in fields(SweepRow)] == SWEEP.schema.names
    assert build_comparison(inputs) == report


def test_a_sweep_without_a_finished_branch_says_so() -> None:
    with pytest.raises(DataError, match="no branch of the sweep has finished"):
        build_comparison(SweepInputs("s", []))
