"""The model card says of the adapter it comes with what that adapter did, beside what all of the run's did together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import ModelCard

from counterpoise.errors import UsageError
from counterpoise.publishing.card import CardFacts, model_card
from counterpoise.report.build import build_report
from tests.report.synthetic import run


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    """Two folds of twenty pairs a category: each adapter scores its own 36 of 180 pairs."""
    return build_report(run(base_shift=0.4, evaluated=(0, 1), pairs_per_category=20)).summary


def facts(summary: dict[str, Any], fold: int) -> CardFacts:
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
        summary=summary,
        artifacts=[("adapter · fold 0", "a" * 64, "b" * 64)],
    )


@pytest.mark.parametrize("fold", [0, 1])
def test_the_score_of_the_card_is_the_adapters_own(summary: dict[str, Any], fold: int) -> None:
    own = {row["fold"]: row["held_out"] for row in summary["training"]}
    card = ModelCard(model_card(facts(summary, fold)))
    (result,) = card.data.eval_results
    assert result.metric_value == round(own[fold]["tuned"]["score"], 2)
    assert result.dataset_name == "CrowS-Pairs, the 36 pairs held out of this adapter's training"
    assert f"over its own 36 held-out pairs it went from {own[fold]['base']['score']:.1f} to" in card.text
    assert own[0]["tuned"]["score"] != own[1]["tuned"]["score"]


def test_own_scores_add_up_to_the_pooled_one(summary: dict[str, Any]) -> None:
    """No pair ties, so that wins add up: 36 pairs each, and the pooled share is the mean of the two."""
    own = [row["held_out"] for row in summary["training"]]
    assert [row["n"] for row in own] == [36, 36]
    assert sum(row[side]["ties"] for row in own for side in ("base", "tuned")) == 0
    for side in ("base", "tuned"):
        pooled = sum(row[side]["score"] for row in own) / 2
        assert summary["scores"][side]["score"] == pytest.approx(pooled, abs=1e-4)


def test_an_older_report_is_one_line(summary: dict[str, Any]) -> None:
    older = summary | {
        "training": [{k: v for k, v in row.items() if k != "held_out"} for row in summary["training"]]
    }
    with pytest.raises(UsageError, match="no score of fold 0 alone: an older version made it — run it again"):
        model_card(replace(facts(summary, 0), summary=older))
