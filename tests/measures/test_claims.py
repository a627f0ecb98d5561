from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from counterpoise.measures.claims import claims
from counterpoise.measures.criteria import limited
from counterpoise.measures.crows import adjust, score_measure
from counterpoise.measures.losses import losses
from counterpoise.measures.matching import match
from counterpoise.measures.measure import Measure, Measures, before_after
from counterpoise.measures.names import GREEDY_NULL, IDENTITY, PERPLEXITY, SCORE, SHARED, USABLE
from counterpoise.report.examples import CASE_STUDY, SHOWN, choose
from counterpoise.report.findings import findings
from counterpoise.report.inputs import ReportInputs
from tests.report.synthetic import run, stereoset_losing_sense


def outcomes(inputs: ReportInputs) -> dict[str, str]:
    return {claim.name: claim.outcome for claim in findings(inputs).results.claims}


def test_every_claim_holds_for_a_good_run() -> None:
    found = outcomes(run(base_shift=0.3, tuned_shift=0.0, tuned_scale=0.8))
    # The two classifiers' scores of base and tuned are drawn apart: ± 0.02 does not show a rise to be under 0.01.
    noisy = {name: outcome for name, outcome in found.items() if name.endswith(("(linear)", "(other)"))}
    assert set(noisy.values()) == {"undecided"} and len(noisy) == 4
    assert {outcome for name, outcome in found.items() if name not in noisy} == {"holds"}
    # score, neutral, margins, spread, categories, perplexity, usable, two of each classifier, erasure
    assert len(found) == 13


def test_claims_fail_one_by_one_for_a_bad_run() -> None:
    found = outcomes(run(base_shift=0.2, tuned_shift=-0.6, perplexity_ratio=1.2, broken_texts=0.4))
    failed = {name for name, outcome in found.items() if outcome == "fails"}
    assert failed >= {
        "The score moves towards 50 %",
        "The tuned model is neutral",
        "Perplexity is preserved",
        "Sampled text stays usable",
    }


def test_losing_sense_is_damage() -> None:
    inputs = replace(run(base_shift=0.2), benchmarks=stereoset_losing_sense(200))
    assert outcomes(inputs)["StereoSet LMS is preserved"] == "fails"
    assert findings(inputs).results.verdict.outcome == "damaged"


def answers(base: int, tuned: int, by: str = "", group: str = "") -> Measure:
    """The score over 1,000 pairs of which so many prefer the stereotype, before and after."""
    sides = [np.where(np.arange(1000) < wins, 1.0, -1.0) for wins in (base, tuned)]
    return score_measure(np.stack(sides, axis=1), by=by, group=group)


def test_a_neutral_score_can_hide_a_name_made_rarer() -> None:
    def of(shared: tuple[int, int], identity: tuple[int, int]) -> tuple[str, ...]:
        measures = Measures([answers(*shared, by=SHARED), answers(*identity, by=IDENTITY)])
        return tuple(claim.outcome for claim in claims(measures))

    assert of((565, 505), (517, 515)) == ("holds", "holds")
    assert of((565, 564), (517, 455)) == ("undecided", "fails")  # 45.5 ± 3.1 is below 50
    assert of((565, 440), (490, 420)) == ("fails", "fails")  # past 50, and further from it


def test_a_category_that_began_neutral_and_is_pushed_away_is_named() -> None:
    parts = adjust([answers(610, 520, group="religion"), answers(490, 442, group="race-color")])
    (claim,) = claims(Measures(parts))
    assert claim.name.startswith("No category") and claim.outcome == "fails"
    ((moved),) = claim.measures
    assert (moved.group, moved.base, moved.tuned) == ("race-color", 49.0, 44.2)


def test_too_few_pairs_leave_neutrality_open() -> None:
    # 36 held-out pairs: an interval of about ± 16 points contains 50 and shows nothing.
    few = outcomes(run(base_shift=0.2, pairs_per_category=20, evaluated=(0,)))
    assert few["The tuned model is neutral"] == "undecided"


def worse(inputs: ReportInputs) -> dict[tuple[str, str], str]:
    return {(loss.measure.name, loss.measure.group): loss.certainty for loss in findings(inputs).losses}


def test_what_got_worse_is_found_by_rule() -> None:
    found = worse(run(base_shift=0.2, tuned_shift=0.6, perplexity_ratio=1.2))
    assert found[SCORE, ""] == "beyond noise"
    assert found[PERPLEXITY, ""] == "beyond noise"
    assert list(found.values()) == sorted(
        found.values(), key=["beyond noise", "within noise", "not tested"].index
    )


def test_nothing_is_listed_as_worse_that_moved_the_right_way() -> None:
    found = worse(run(base_shift=0.3, tuned_shift=0.0, agreement=1.0, perplexity_ratio=0.9))
    assert not {(SCORE, ""), (PERPLEXITY, "")} & set(found)


def test_an_erased_group_is_a_loss_though_no_aim_says_so() -> None:
    fallen = Measure(
        name="mentions of a group", group="women", unit="%", aim="unchanged", base=20.0, tuned=10.0, change=-10.0,
        n=100, interval=(-14.0, -6.0), limit=2.0,
    )  # fmt: skip
    (loss,) = losses(Measures([fallen]), claims(Measures([fallen])))
    assert (loss.measure.group, loss.certainty) == ("women", "beyond noise")


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


@pytest.mark.parametrize(("interval", "outcome"), [((-6.0, -0.5), "fails"), ((-5.0, 1.0), "holds")])
def test_greedy_text_fails_where_it_is_worse_than_after_a_random_change(
    interval: tuple[float, float], outcome: str
) -> None:
    usable = before_after(
        USABLE, 68.0, 66.0, by=GREEDY_NULL, unit="%", aim="higher", n=1000, interval=interval
    )
    (claim,) = claims(limited([usable]))
    assert (claim.outcome, claim.cost) == (outcome, True)
