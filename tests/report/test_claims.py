from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from counterpoise.metrics.significance import Change, change_of
from counterpoise.report.claims import claims
from counterpoise.report.findings import findings
from counterpoise.report.inputs import ReportInputs
from counterpoise.report.sections.examples import CASE_STUDY, SHOWN, choose
from counterpoise.report.sections.protocol import hypotheses
from counterpoise.report.sections.worse import losses
from counterpoise.report.texts import match
from counterpoise.report.words import plain
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


def answers(base: int, tuned: int) -> Change:
    """A change over 1,000 pairs of which so many prefer the stereotype, before and after."""
    sides = [np.where(np.arange(1000) < wins, 1.0, -1.0) for wins in (base, tuned)]
    return change_of(np.stack(sides, axis=1))


def test_a_neutral_score_can_hide_a_name_made_rarer() -> None:
    found = findings(run(base_shift=0.3, tuned_shift=0.0, tuned_scale=0.8))
    said, name = "What is said depends less on who it is said of", "No group's name is merely made rarer"

    def of(shared: Change, identity: Change) -> tuple[str, str]:
        readings = {"original": {"shared tokens": shared, "identity tokens": identity}}
        by_name = {claim.name: claim.outcome for claim in claims(replace(found, readings=readings))}
        return by_name[said], by_name[name]

    assert of(answers(565, 505), answers(517, 515)) == ("holds", "holds")
    assert of(answers(565, 564), answers(517, 455)) == ("undecided", "fails")  # 45.5 ± 3.1 is below 50
    assert of(answers(565, 440), answers(490, 420)) == ("fails", "fails")  # past 50, and further from it


def test_a_category_that_began_neutral_and_is_pushed_away_is_named() -> None:
    found = findings(run(base_shift=0.3, tuned_shift=0.0, tuned_scale=0.8))
    parts = {"religion": answers(610, 520), "race-color": answers(490, 442)}
    held_out = replace(found.held_out, by_category=parts)
    (claim,) = (c for c in claims(replace(found, held_out=held_out)) if c.name.startswith("No category"))
    assert claim.outcome == "fails"
    assert "race-color 49.0 → 44.2" in plain(claim.measured) and "religion" not in claim.measured


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
