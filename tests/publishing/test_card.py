"""The model card says of the adapter it comes with what that adapter did, beside what all of the run's did together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from counterpoise.alignment.config import LossType
from counterpoise.config import RunConfig
from counterpoise.flows.configure import load_config
from counterpoise.flows.readme import committed
from counterpoise.measures.measure import Measure, Measures
from counterpoise.measures.names import FOLD, ICAT, LMS, PERPLEXITY, PRONOUN, SCORE, SS, TIES
from counterpoise.measures.results import Results
from counterpoise.publishing.card import METHODS, CardFacts, evaluation_files, model_card
from counterpoise.publishing.deliver import deliver
from counterpoise.publishing.evaluations import FOLDER, evaluations, result_files
from counterpoise.publishing.folder import write_texts
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
        config=RunConfig().model_dump(mode="json"),
        results=results,
        artifacts=[("adapter · fold 0", "a" * 64, "b" * 64)],
    )


@pytest.fixture(scope="module")
def real(root: Path) -> Results:
    """A committed result of the real model, with its benchmarks."""
    return committed(root / "docs" / "results" / "local.json")[0][0]


def own(results: Results) -> list[Measure]:
    return [results.measures.one(SCORE, group=f"{FOLD}{fold}") for fold in (0, 1)]


@pytest.mark.parametrize("fold", [0, 1])
def test_the_score_of_the_card_is_the_adapters_own(results: Results, fold: int) -> None:
    score = own(results)[fold]
    card = ModelCard(model_card(facts(results, fold)))
    result = card.data.eval_results[0]
    assert result.metric_value == round(score.tuned, 2)
    assert result.dataset_name == "CrowS-Pairs, the 36 pairs held out of this adapter's training"
    text = " ".join(card.text.split())
    assert f"over its own 36 held-out pairs it went from {score.base:.1f} to {score.tuned:.1f} %" in text
    assert results.verdict.sentence in card.text
    assert own(results)[0].tuned != own(results)[1].tuned


def test_a_card_names_the_method_that_made_the_adapter(results: Results) -> None:
    assert set(METHODS) == set(get_args(LossType))
    usual = facts(results, 0)
    card = ModelCard(model_card(usual))
    assert "dpo" in card.data.tags
    text = " ".join(card.text.split())
    assert "made by direct preference optimisation on CrowS-Pairs" in text
    assert "a search looks for the least strength" in text.lower()
    loss = usual.config["alignment"]["loss"] | {"types": ["npo", "sft"]}
    alignment = usual.config["alignment"] | {"loss": loss, "strength": 1.0}
    card = ModelCard(model_card(replace(usual, config=usual.config | {"alignment": alignment})))
    assert "dpo" not in card.data.tags
    text = " ".join(card.text.split())
    assert "made by negative preference optimisation and supervised fine-tuning on CrowS-Pairs" in text
    assert "It is delivered at strength 0.75 (neutral)." in text


def test_own_scores_add_up_to_the_pooled_one(results: Results) -> None:
    """No pair ties, so that wins add up: 36 pairs each, and the pooled share is the mean of the two."""
    scores, whole = own(results), results.measures.one(SCORE)
    assert [score.n for score in scores] == [36, 36]
    ties = [results.measures.one(TIES, group=f"{FOLD}{fold}") for fold in (0, 1)]
    assert [(row.base, row.tuned) for row in ties] == [(0, 0), (0, 0)]
    assert whole.base == pytest.approx(sum(score.base for score in scores) / 2)
    assert whole.tuned == pytest.approx(sum(score.tuned for score in scores) / 2)


def test_the_metadata_has_every_benchmark_and_says_whose_score_it_is(real: Results, results: Results) -> None:
    rows = evaluations(RunConfig().model_dump(mode="json"), real, own(results)[0])
    found = {(row.dataset_type, row.metric_type): row for row in rows}
    for name, key in ((LMS, "stereoset_lms"), (SS, "stereoset_ss"), (ICAT, "stereoset_icat")):
        row, measure = found["McGill-NLP/stereoset", key], real.measures.one(name)
        assert row.metric_value == round(measure.tuned, 2)
        assert f"(base model: {measure.base:.2f})" in str(row.metric_name)
        assert row.dataset_name == f"StereoSet, over the run's {len(real.trainings)} adapters"
    pronoun = found["uclanlp/wino_bias", "winobias_stereotypical_pronoun"]
    assert pronoun.metric_value == round(real.measures.one(PRONOUN).tuned, 2)
    assert found["AmazonScience/bold", "perplexity"].metric_value == round(
        real.measures.one(PERPLEXITY).tuned, 2
    )
    first = own(results)[0]
    assert (rows[0].dataset_type, rows[0].metric_value) == ("nyu-mll/crows_pairs", round(first.tuned, 2))
    assert str(rows[0].metric_name).endswith(f"(neutral is 50; base model: {first.base:.2f})")
    assert len(found) == len(rows), "each stands there once"


def test_a_benchmark_of_ones_own_is_not_called_the_published_one(real: Results, results: Results) -> None:
    first, *rows = evaluations(load_config("smoke").model_dump(mode="json"), real, own(results)[0])
    assert first.dataset_type == "smoke-pairs"
    assert first.dataset_name.startswith("smoke-pairs, in place of CrowS-Pairs, the ")
    assert "McGill-NLP/stereoset" not in {row.dataset_type for row in rows}
    assert "smoke-stereoset" in {row.dataset_type for row in rows}


def test_the_hubs_result_files_say_what_the_card_says(
    real: Results, results: Results, tmp_path: Path
) -> None:
    """Read back with the hub's own parser; the notes hold what the value alone does not say."""
    others = [row for row in real.measures if not row.group.startswith(FOLD)]
    mixed = replace(facts(results, 0), results=replace(real, measures=Measures([*own(results), *others])))
    made = tmp_path / "made"
    made.mkdir()
    write_texts(made, model_card(mixed), {}, evaluation_files(mixed))
    deliver(made, str(tmp_path / "out"))
    found = {
        path.stem: parse_eval_result_entries(yaml.safe_load(path.read_text("utf-8")))
        for path in (tmp_path / "out" / FOLDER).iterdir()
    }
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert {(row.dataset_id, row.task_id, row.value) for rows in found.values() for row in rows} == {
        (row.dataset_type, row.metric_type, row.metric_value) for row in card.data.eval_results
    }
    assert {len({row.dataset_id for row in rows}) for rows in found.values()} == {1}, "a file a data set"
    assert set(found) >= {"crows_pairs", "stereoset", "wino_bias", "bold"}
    (score,), first = found["crows_pairs"], own(results)[0]
    assert score.value == round(first.tuned, 2)
    assert f"base model: {first.base:.2f}" in score.notes
    assert score.notes.endswith("the 36 pairs held out of this adapter's training")


def test_a_file_of_ones_own_has_no_page_on_the_hub(real: Results, results: Results) -> None:
    rows = evaluations(load_config("smoke").model_dump(mode="json"), real, own(results)[0])
    assert result_files(rows) == {}


def test_the_card_begins_with_the_headline(results: Results) -> None:
    text = ModelCard(model_card(facts(results, 0))).text
    assert text.split("\n\n")[1].strip() == f"**{results.verdict.headline}**"
    assert "it ended at 0.75 (neutral)" in " ".join(text.split())
