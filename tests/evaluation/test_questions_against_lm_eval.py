"""Questions are asked and judged as lm-eval does, by running lm-eval: same rows, same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterpoise.evaluation.accuracy import is_right
from counterpoise.evaluation.bbq import answers, load_bbq
from counterpoise.evaluation.bbq_score import answer, bbq_scores
from counterpoise.evaluation.changes import Options
from counterpoise.evaluation.multiple_choice import load_questions
from counterpoise.likelihood.encoding import own_prefix
from counterpoise.likelihood.sentences import score_continuations
from counterpoise.models.loading import LoadedModel, load_model
from tests.evaluation.questions import ROWS, rows_of, write_bbq, write_choices

pytest.importorskip("lm_eval", reason="the bench extra is not installed")
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
    found = bbq_scores(questions, given)
    assert len({answer(one) for one in given}) > 1, "a model that always says the same shows nothing"
    for name, key in (("ambiguous_accuracy", "accuracy_amb"), ("disambiguated_accuracy", "accuracy_disamb")):
        assert getattr(found["all"], name).value == pytest.approx(100 * peer[key])
    for name, key in (("ambiguous_bias", "amb_bias_score"), ("disambiguated_bias", "disamb_bias_score")):
        for part, suffix in (("all", ""), ("Age", "_Age"), ("Religion", "_Religion")):
            value = getattr(found[part], name)
            assert (value.value if value else 0) == pytest.approx(100 * peer[key + suffix]), (name, part)
