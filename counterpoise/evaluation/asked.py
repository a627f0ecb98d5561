"""BBQ and the multiple-choice tasks on one model: each option scored as the continuation of its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from counterpoise.errors import DataError
from counterpoise.evaluation import bbq, multiple_choice
from counterpoise.evaluation.accuracy import is_right
from counterpoise.evaluation.bbq_score import BbqScore, Estimate, bbq_scores
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.evaluation.names import BBQ
from counterpoise.evaluation.task import Result, Task, labelled
from counterpoise.likelihood.sentences import score_continuations
from counterpoise.measures.benchmarks import Options
from counterpoise.metrics.intervals import wilson
from counterpoise.models.loading import adapter_switched

FOUR = ("ambiguous_accuracy", "disambiguated_accuracy", "ambiguous_bias", "disambiguated_bias")


def ask_bbq(task: Task, data: Path) -> Result:
    """BBQ over a folder of its questions: ``overall`` is the bias in ambiguous contexts, the other numbers beside it.

    A number that is not defined is None; see :mod:`counterpoise.evaluation.bbq_score`.
    """
    most = BenchmarksConfig().bbq_items if task.questions is None else task.questions
    questions = bbq.subset(bbq.load_bbq(data), most)
    named = [bbq.answers(one, all_unknowns=False) for one in questions]
    scores = bbq_scores(questions, _scored(task, [one.context for one in questions], named))
    every = scores.pop("all")
    return labelled(
        BBQ, task, _bbq(every) | {"by_category": {name: _bbq(one) for name, one in scores.items()}}
    )


def ask_choices(name: str, task: Task, data: Path) -> Result:
    """A multiple-choice task over its file: ``overall`` is its usual accuracy, the plain one beside it."""
    most = BenchmarksConfig().choice_questions if task.questions is None else task.questions
    questions = multiple_choice.subset(multiple_choice.load_questions(name, data), most)
    if not questions:
        raise DataError(f"{data}: no question in it", "fetch it again")
    named = [[(choice, choice) for choice in one.choices] for one in questions]
    options = _scored(task, [one.context for one in questions], named)
    right = [is_right(name, given, one.right) for one, given in zip(questions, options, strict=True)]
    n, usual, plain = len(right), *(sum(column) / 100 for column in zip(*right, strict=True))
    low, high = wilson(int(usual), n)
    result: Result = {
        "n": n,
        "overall": 100 * usual / n,
        "interval": (100 * low, 100 * high),
        "plain_accuracy": 100 * plain / n,
        "by_category": {},
    }
    return labelled(name, task, result)


def _scored(task: Task, contexts: Sequence[str], named: Sequence[Sequence[tuple[str, str]]]) -> list[Options]:
    """For each question, option → (log-probability, tokens), nats."""
    texts = [(context, f" {text}") for context, row in zip(contexts, named, strict=True) for _, text in row]
    with adapter_switched(task.loaded, task.variant == "tuned"):
        scores = score_continuations(task.loaded, texts, **task.how)
    found = iter(scores)
    return [
        {name: (score.sum_log_prob, score.tokens) for (name, _), score in zip(row, found, strict=False)}
        for row in named
    ]


def _bbq(score: BbqScore) -> Result:
    values: dict[str, Estimate | None] = {name: getattr(score, name) for name in FOUR}
    bias = values["ambiguous_bias"]
    return {
        "n": score.n,
        "templates": score.templates,
        "overall": bias.value if bias else None,
        "score": bias.value if bias else None,
        "interval": bias.interval if bias else None,
        **{name: asdict(value) if value else None for name, value in values.items()},
    }
