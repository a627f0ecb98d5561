"""A sweep's comparison, with its arithmetic in sight: ten pairs, two seeds, two recipes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest

from counterpoise.artifacts.parquet import read_records, write_table
from counterpoise.artifacts.tables import SWEEP
from counterpoise.errors import DataError, UsageError
from counterpoise.flows.methods import END, START
from counterpoise.flows.methods import main as put_methods
from counterpoise.measures.criteria import limited
from counterpoise.measures.crows import Scored, comparison
from counterpoise.measures.measure import before_after
from counterpoise.measures.names import (
    LIKELIHOOD,
    LMS,
    OWN_TEXT_KL,
    PERPLEXITY,
    SCORE,
    TOXICITY,
    USABLE,
)
from counterpoise.measures.results import Ending, Facts, Filtered, Results, Training, Verdict, to_text
from counterpoise.measures.sweeps import Failure, read_sweep
from counterpoise.pairs.folds import FoldedPair
from counterpoise.records import Pair, PairScore
from counterpoise.report.methods import methods_block, methods_page
from counterpoise.report.sweep.build import SweepRow, build_comparison
from counterpoise.report.sweep.findings import recipes_and_tests
from counterpoise.report.sweep.inputs import BranchEvidence, BranchFacts, SweepInputs

PAIRS = [
    FoldedPair.of(Pair(n, "gender" if n % 2 else "age", "stereo", f"more {n}", f"less {n}"), n, n % 2)
    for n in range(10)
]
BASE = [1.0] * 8 + [-1.0] * 2  # the base prefers the stereotype in 8 of 10 pairs


def branch(recipe: str, seed: int, tuned: Sequence[float], outcome: Ending = "improved") -> BranchEvidence:
    facts = BranchFacts(f"{recipe} · seed {seed}", "tiny", recipe, seed, ("a=1",), (0, 1), "sum")
    scores = [
        PairScore(item.pair_id, variant, margin - 9, -9.0, 3, 3)  # type: ignore[arg-type]
        for variant, margins in (("base", BASE), ("tuned", tuned))
        for item, margin in zip(PAIRS, margins, strict=True)
    ]
    measures = [
        *comparison(Scored(PAIRS, scores[:10], scores[10:])),
        before_after(
            PERPLEXITY, 20.0, 20.2, unit="per token", aim="lower", relative=True, n=10, interval=(0.0, 2.0)
        ),
        before_after(USABLE, 90.0, 88.0, unit="%", aim="higher", n=10),
        before_after(LMS, 80.0, 79.0 + seed, unit="%", aim="higher", n=10, interval=(-2.0, 0.5)),
        before_after(OWN_TEXT_KL, 0.0, 0.0124, unit="nats per token", aim="lower", n=10),
        before_after(LIKELIHOOD, -4.0, -4.001, group="Sikhs", unit="nats per token", n=10),
        before_after(LIKELIHOOD, -4.0, -4.021, group="Jains", unit="nats per token", n=10),
        before_after(TOXICITY, 0.1, 0.12, by="linear", unit="0 to 1", aim="lower", n=10),
    ]
    results = Results(
        Facts("local", seed, "tiny", "bf16", "bos", "sum"),
        Verdict(outcome, "good", "It went.", "It went so."),
        (),
        limited(measures),
        tuple(Training(fold, 8, 0.75, "neutral", "") for fold in (0, 1)),
        Filtered(10, 5, {}),
    )
    scores += [replace(row, more_log_prob=-1.0, reading="shared") for row in scores]  # not what is compared
    return BranchEvidence(facts, PAIRS, scores, results, "k" * 64)


HALF = [1.0] * 5 + [-1.0] * 5
ALMOST = [1.0] * 6 + [-1.0] * 4


def test_over_seeds_each_pair_counts_once_with_its_mean_margin() -> None:
    other = [-3.0] * 5 + HALF[5:]  # pairs 0-4: +1 in one seed, -3 in the other: -1 on average
    (recipe,), (test,) = recipes_and_tests(SweepInputs("s", [branch("a", 0, HALF), branch("a", 1, other)]))
    assert [seed.measures.one(SCORE).tuned for seed in recipe.seeds] == [50.0, 0.0]
    averaged = recipe.averaged.one(SCORE)
    assert (averaged.n, averaged.tuned, averaged.flips) == (10, 0.0, (0, 8))
    assert test.score.p == averaged.p == pytest.approx(2 * 0.5**8)  # eight pairs moved, all one way


def test_recipes_are_tested_against_each_other_and_holm_is_over_all_tests() -> None:
    _, found = recipes_and_tests(SweepInputs("s", [branch("a", 0, HALF), branch("b", 0, ALMOST)]))
    tests = {(test.first, test.second): test.score for test in found}
    assert set(tests) == {("base", "a"), ("base", "b"), ("a", "b")}
    assert tests["a", "b"].flips == (1, 0)
    assert tests["base", "a"].p == 0.25
    assert tests["base", "a"].holm_p == 0.75  # the smallest of three p-values, times three


def test_recipes_without_a_common_pair_are_not_compared() -> None:
    one = branch("a", 0, HALF)
    parts = [
        replace(one, facts=replace(one.facts, recipe=name, folds=(fold,))) for fold, name in enumerate("ab")
    ]
    with pytest.raises(DataError, match="no scored pair in common"):
        recipes_and_tests(SweepInputs("s", parts))


def test_report_names_failures_and_the_verdict_skips_damaged_recipes(tmp_path: Path) -> None:
    inputs = SweepInputs(
        "dose",
        [branch("safe", 0, ALMOST), branch("hot", 0, HALF, outcome="damaged")],
        [Failure("safe · seed 1", "its process was killed by SIGKILL", "counterpoise run --set seed=1")],
    )
    report = build_comparison(inputs)
    assert report.results.headline.startswith("safe:")
    assert "1 of 3 branches have no result" in report.results.sentence
    for page in (report.html, report.markdown.replace("\\", "")):
        assert "its process was killed by SIGKILL" in page
        assert "counterpoise run --set seed=1" in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", report.html)
    assert "80.0 → 79.0" in report.html  # StereoSet's LMS, base and tuned
    assert set(report.charts) == {"tradeoff.svg", "tradeoff.png"}
    assert b"hot" in report.charts["tradeoff.svg"]
    again = build_comparison(inputs)
    assert (again.html, again.markdown, again.charts) == (report.html, report.markdown, report.charts)
    (tmp_path / "results.json").write_text(to_text(report.results.to_json()))
    assert read_sweep(tmp_path / "results.json").to_json() == report.results.to_json()


def test_the_sweeps_table_has_every_measure_of_every_branch(tmp_path: Path) -> None:
    inputs = SweepInputs("dose", [branch("safe", 0, ALMOST), branch("hot", 1, HALF)])
    report = build_comparison(inputs)
    write_table(tmp_path / "sweep.parquet", SWEEP, report.rows)
    rows = read_records(tmp_path / "sweep.parquet", SWEEP, SweepRow)
    assert rows == list(report.rows)
    assert len(rows) == sum(len(one.results.measures) for one in inputs.branches)
    scores = [
        (row.recipe, row.base, row.tuned, row.p) for row in rows if (row.name, row.group) == (SCORE, "")
    ]
    assert scores == [("safe", 80.0, 60.0, 0.5), ("hot", 80.0, 50.0, 0.25)]
    (rise,) = {row.limit for row in rows if row.name == PERPLEXITY}
    assert rise == 2.0
    assert [field.name for field in fields(SweepRow)] == SWEEP.schema.names


def test_a_sweep_without_a_finished_branch_says_so() -> None:
    with pytest.raises(DataError, match="no branch of the sweep has finished"):
        build_comparison(SweepInputs("s", []))


def test_a_recipe_that_did_not_judge_every_pair_is_counted() -> None:
    one, other = branch("a", 0, HALF), branch("b", 0, ALMOST)
    assert "Not every fold was held out" not in build_comparison(SweepInputs("s", [one, other])).markdown
    part = replace(other, facts=replace(other.facts, whole=False))
    said = build_comparison(SweepInputs("s", [one, part])).markdown
    assert "Not every fold was held out: 1 recipe rests on 10 pairs." in said.replace("\\", "").replace(
        "\u00a0", " "
    )


def test_methods_stand_side_by_side_with_what_they_cost() -> None:
    results = build_comparison(SweepInputs("m", [branch("DPO", 0, HALF), branch("NPO", 0, ALMOST)])).results
    wide, brief = methods_page(results, "a chart"), methods_block(results)
    # 8 of 10 at the base; five pairs of one sign are left, three fell: p = 2 · ½³ = 0.25.
    assert "10 held-out pairs. The base's score is 80.0 %" in wide
    assert "| DPO | 50.0 (p = 0.25) |" in wide
    assert "| −1.0 (−2.0 to 0.5) | +0.2 % (0.0–2.0) |" in wide, "LMS and perplexity with their intervals"
    assert "| +0.012 | Jains −0.021 | improved |" in wide, "KL with its decimals, the lower of two groups"
    assert "| NPO | 60.0 (p = 0.50) | −1.0 | +0.2 % | · | +0.012 | improved |" in brief


def test_methods_are_put_into_docs_and_readme_or_nothing_is_written(tmp_path: Path) -> None:
    inputs = SweepInputs("m", [branch("DPO", 0, HALF), branch("NPO", 0, ALMOST)])
    found = tmp_path / "results.json"
    found.write_text(to_text(build_comparison(inputs).results.to_json()), encoding="utf-8")
    root = tmp_path / "project"
    (root / "docs" / "results").mkdir(parents=True)
    (root / "README.md").write_text("# No place for it\n", encoding="utf-8")
    with pytest.raises(UsageError, match="put the two comments back"):
        put_methods(found, root)
    several = SweepInputs("m", [branch("DPO", seed, HALF) for seed in (0, 1)])
    other = tmp_path / "several.json"
    other.write_text(to_text(build_comparison(several).results.to_json()), encoding="utf-8")
    with pytest.raises(UsageError, match="one model and one seed"):
        put_methods(other, root)
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["README.md"]
    (root / "README.md").write_text(f"above\n{START}\nearlier\n{END}\nbelow\n", encoding="utf-8")
    for source in (found, root / "docs" / "results" / "methods.json"):  # again from what was kept
        put_methods(source, root)
        readme = (root / "README.md").read_text(encoding="utf-8")
        assert readme.startswith(f"above\n{START}\n| method |") and readme.endswith(f"{END}\nbelow\n")
        assert "earlier" not in readme
    assert (root / "docs" / "results" / "methods.png").read_bytes().startswith(b"\x89PNG")
    assert "| NPO | 60.0 (p = 0.50) |" in (root / "docs" / "methods.md").read_text(encoding="utf-8")
