"""Questions are asked and judged as lm-eval does, by running lm-eval: same rows, same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from counterpoise.evaluation.accuracy import is_right
from counterpoise.evaluation.bbq import answers, load_bbq
from counterpoise.evaluation.bbq_score import BbqScore, bbq_scores
from counterpoise.evaluation.multiple_choice import load_questions
from counterpoise.likelihood.encoding import own_prefix
from counterpoise.likelihood.sentences import score_continuations
from counterpoise.measures.benchmarks import Options
from counterpoise.models.loading import LoadedModel, load_model
from tests.evaluation.questions import ROWS, rows_of, write_bbq, write_choices

pytest.importorskip("lm_eval", reason="the bench extra is not installed")
from lm_eval.tasks.bbq import utils

from tests.evaluation.lm_eval_tasks import run_task


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> LoadedModel:
    return load_model(tiny_folder, "fp32", device="cpu")


def for_lm_eval(task: str) -> list[dict[str, Any]]:
    """The rows as the hub's edition has them: BoolQ's passages begin with the title, its label is 0 or 1."""
    if task != "boolq":
        return ROWS[task]
    return [
        {
            "passage": f"{row['title']} -- {row['passage']}",
            "question": row["question"],
            "label": int(row["answer"] == "True"),
        }
        for row in ROWS[task]
    ]


@pytest.mark.parametrize("task", list(ROWS))
def test_multiple_choice(tiny: LoadedModel, tmp_path: Path, task: str) -> None:
    peer = run_task(tiny, task, for_lm_eval(task))
    questions = load_questions(task, write_choices(tmp_path, task))
    scores = iter(
        score_continuations(
            tiny,
            [(one.context, f" {choice}") for one in questions for choice in one.choices],
            prefix=own_prefix(tiny.tokenizer),
        )
    )
    right = []
    for one, theirs in zip(questions, peer["log_likelihoods"], strict=True):
        found = {choice: next(scores) for choice in one.choices}
        options = {choice: (score.sum_log_prob, score.tokens) for choice, score in found.items()}
        assert [value for value, _ in options.values()] == pytest.approx(theirs, abs=1e-3)
        right.append(is_right(task, options, one.right))
    usual, plain = (sum(column) / len(column) for column in zip(*right, strict=True))
    assert plain == pytest.approx(100 * peer["acc"])
    assert usual == pytest.approx(100 * peer.get("acc_norm", peer["acc"]))


def test_bbq(tiny: LoadedModel, tmp_path: Path) -> None:
    rows = rows_of("Age", 6) + rows_of("Religion", 6)
    peer = run_task(tiny, "bbq", rows)
    questions = load_bbq(write_bbq(tmp_path / "bbq", rows))
    options = [answers(one, all_unknowns=True) for one in questions]
    scores = score_continuations(
        tiny,
        [(one.context, f" {text}") for one, named in zip(questions, options, strict=True) for _, text in named],
        prefix=own_prefix(tiny.tokenizer),
    )  # fmt: skip
    flat = iter(scores)
    given: list[Options] = [
        {name: (score.sum_log_prob, score.tokens) for (name, _), score in zip(named, flat, strict=False)}
        for named in options
    ]
    for question, ours, theirs in zip(questions, given, peer["log_likelihoods"], strict=True):
        values = [ours[name][0] for name in ours]
        assert sorted(values) == pytest.approx(sorted(theirs), abs=1e-3), question.name
    check(bbq_scores(questions, given), peer)


def test_bbq_scores_of_any_answers(tmp_path: Path) -> None:
    """lm-eval's own judgement of random log-likelihoods: a model so small does not answer in enough ways."""
    rows = rows_of("Age", 30) + rows_of("Religion", 30)
    documents = utils.process_docs(datasets.Dataset.from_list(rows))
    random = np.random.default_rng(0)
    judged, given = [], []
    for document in documents:
        people, values = [document["ans0"], document["ans1"]], random.normal(size=12)
        values[2:] -= 1.5  # else one of ten unknown answers is nearly always the highest
        judged.append(utils.process_results_multiple_choice(document, [(value, False) for value in values]))
        biased = document["biased_answers"][0]
        names = ["biased" if one == biased else "other" for one in people]
        names += [f"unknown: {text}" for text in utils.UNKNOWN_RESPONSES]
        given.append({name: (float(value), 1) for name, value in zip(names, values, strict=True)})
    peer = {}
    for key in judged[0]:
        if key.startswith("accuracy_") or "bias_score" in key:
            aggregate = getattr(utils, AGGREGATES[key[: key.index("amb") + 3]])
            peer[key] = aggregate([one[key] for one in judged])
    found = bbq_scores(load_bbq(write_bbq(tmp_path / "bbq", rows)), given)
    assert found["all"].disambiguated_bias is not None
    assert 20 < found["all"].disambiguated_accuracy.value < 80  # type: ignore[union-attr]
    assert found["Age"].disambiguated_bias != found["Religion"].disambiguated_bias
    check(found, peer)


AGGREGATES = {
    "accuracy_amb": "agg_accuracy_amb",
    "accuracy_disamb": "agg_accuracy_disamb",
    "amb": "agg_amb_bias_scores",
    "disamb": "agg_disamb_bias_scores",
}


def check(found: dict[str, BbqScore], peer: dict[str, Any]) -> None:
    """Accuracies over all, and both bias scores over all and in each category. lm-eval gives 0 for an undefined one."""
    for name, key in (("ambiguous_accuracy", "accuracy_amb"), ("disambiguated_accuracy", "accuracy_disamb")):
        assert getattr(found["all"], name).value == pytest.approx(100 * peer[key])
    for name, key in (("ambiguous_bias", "amb_bias_score"), ("disambiguated_bias", "disamb_bias_score")):
        for part, suffix in (("all", ""), ("Age", "_Age"), ("Religion", "_Religion")):
            value = getattr(found[part], name)
            assert (value.value if value else 0) == pytest.approx(100 * peer[key + suffix]), (name, part)
