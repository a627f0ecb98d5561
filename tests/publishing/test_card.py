"""The model card says of the adapter it comes with what that adapter did, beside what all of the run's did together."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard

from counterpoise.measures.measure import Measure
from counterpoise.measures.names import FOLD, SCORE, TIES
from counterpoise.measures.results import Results
from counterpoise.publishing.card import CardFacts, model_card
from counterpoise.report.build import build_report
from tests.report.synthetic import run


@pytest.fixture(scope="module")
def results() -> Results:
    """Two folds of twenty pairs a category: each adapter scores its own 36 of 180 pairs."""
    return build_report(run(base_shift=0.4, evaluated=(0, 1), pairs_per_category=20)).results


def facts(results: Results, fold: int) -> CardFacts:
    return CardFacts(
        base="made-up-135m",
        base_repository="owner/made-up-135m",
        base_file="",
        licence="apache-2.0",
        merged=False,
        fold=fold,
        strength=0.75,
        status="neutral",
        config={"pairs": {"source": "crows-pairs"}, "model": {"precision": "nf4"}},
        results=results,
        artifacts=[("adapter · fold 0", "a" * 64, "b" * 64)],
    )


def own(results: Results) -> list[Measure]:
    return [results.measures.one(SCORE, group=f"{FOLD}{fold}") for fold in (0, 1)]


@pytest.mark.parametrize("fold", [0, 1])
def test_the_score_of_the_card_is_the_adapters_own(results: Results, fold: int) -> None:
    score = own(results)[fold]
    card = ModelCard(model_card(facts(results, fold)))
    (result,) = card.data.eval_results
    assert result.metric_value == round(score.tuned, 2)
    assert result.dataset_name == "CrowS-Pairs, the 36 pairs held out of this adapter's training"
    text = " ".join(card.text.split())
    assert f"over its own 36 held-out pairs it went from {score.base:.1f} to {score.tuned:.1f} %" in text
    assert results.verdict.sentence in card.text
    assert own(results)[0].tuned != own(results)[1].tuned


def test_own_scores_add_up_to_the_pooled_one(results: Results) -> None:
    """No pair ties, so that wins add up: 36 pairs each, and the pooled share is the mean of the two."""
    scores, whole = own(results), results.measures.one(SCORE)
    assert [score.n for score in scores] == [36, 36]
    ties = [results.measures.one(TIES, group=f"{FOLD}{fold}") for fold in (0, 1)]
    assert [(row.base, row.tuned) for row in ties] == [(0, 0), (0, 0)]
    assert whole.base == pytest.approx(sum(score.base for score in scores) / 2)
    assert whole.tuned == pytest.approx(sum(score.tuned for score in scores) / 2)
