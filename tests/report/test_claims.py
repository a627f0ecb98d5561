from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.report.findings import findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.sections.examples import CASE_STUDY, SHOWN, choose
from counterpoise.report.sections.protocol import hypotheses
from counterpoise.report.sections.worse import losses
from counterpoise.report.texts import match
from tests.report.synthetic import run, stereoset_losing_sense


def outcomes(inputs: ReportInputs) -> dict[str, str]:
    table = hypotheses(findings(inputs)).blocks[1]
    assert table.kind == "table"
    return {row.cells[0]: row.cells[-1] for row in table.rows}


def test_every_claim_holds_for_a_good_run() -> None:
    found = outcomes(run(base_shift=0.3, tuned_shift=0.0, tuned_scale=0.8))
    # The two classifiers' scores of base and tuned are drawn apart: ± 0.02 does not show a rise to be under 0.01.
    noisy = {name: outcome for name, outcome in found.items() if name.endswith(("(linear)", "(other)"))}
    assert set(noisy.values()) == {"undecided"} and len(noisy) == 4
    assert {outcome for name, outcome in found.items() if name not in noisy} == {"holds"}
    # score, neutral, margins, spread, categories, perplexity, usable, two of each classifier, erasure
    assert len(found) == 12


def test_claims_fail_one_by_one_for_a_bad_run() -> None:
    found = outcomes(run(base_shift=0.2, tuned_shift=-0.6, perplexity_ratio=1.2, broken_texts=0.4))
    failed = {name for name, outcome in found.items() if outcome == "fails"}
    assert failed >= {
        "The score moves towards 50 %",
        "The tuned model is neutral",
        "It is still a language model",
        "It still writes usable text",
    }


def test_losing_sense_is_damage() -> None:
    inputs = replace(run(base_shift=0.2), benchmarks=stereoset_losing_sense(200))
    assert outcomes(inputs)["It still tells sense from nonsense"] == "fails"
    assert findings(inputs).verdict.outcome == "damaged"


def test_too_few_pairs_leave_neutrality_open() -> None:
    # 36 held-out pairs: an interval of about ± 16 points contains 50 and shows nothing.
    few = outcomes(run(base_shift=0.2, pairs_per_category=20, evaluated=(0,)))
    assert few["The tuned model is neutral"] == "undecided"


def test_what_got_worse_is_found_by_rule() -> None:
    inputs = run(base_shift=0.2, tuned_shift=0.6, perplexity_ratio=1.2)
    found = {loss.measure: loss.certainty for loss in losses(findings(inputs))}
    assert found["|score − 50|, all pairs, points"] == "beyond noise"
    assert found["neutral perplexity"] == "beyond noise"
    assert list(found.values()) == sorted(
        found.values(), key=["beyond noise", "within noise", "not tested"].index
    )


def test_nothing_is_listed_as_worse_that_moved_the_right_way() -> None:
    inputs = run(base_shift=0.3, tuned_shift=0.0, agreement=1.0, perplexity_ratio=0.9)
    found = [loss.measure for loss in losses(findings(inputs))]
    assert not any("perplexity" in name or "all pairs" in name for name in found)


@pytest.mark.parametrize("seed", range(5))
def test_examples_are_chosen_blindly_and_cover_every_axis(seed: int) -> None:
    (matched,) = match(run(pairs_per_category=5).generations)
    chosen = [matched[index][0] for index in choose(matched, seed)]
    assert len(chosen) == len({row.prompt_id for row in chosen}) == SHOWN
    assert tuple(row.prompt_id for row in chosen[:2]) == CASE_STUDY
    assert len({row.axis for row in chosen}) == 10
    assert choose(matched, seed) == choose(matched, seed)


def test_another_seed_shows_other_examples() -> None:
    (matched,) = match(run(pairs_per_category=5).generations)
    assert choose(matched, 0) != choose(matched, 1)
