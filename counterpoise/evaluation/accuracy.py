"""Accuracy in multiple-choice tasks before and after: each task, and the mean over tasks.

A task's interval resamples its questions; that of the mean resamples each task's own, since the tasks and their sizes
are fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from counterpoise.evaluation.changes import Example, Options, ValueChange, examples_of
from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.evaluation.multiple_choice import NORMALISED
from counterpoise.evaluation.names import CHOICES
from counterpoise.metrics.intervals import Floats, percentile_interval, resampled_means

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """Base and tuned on the same questions, percent.

    Attributes:
        n: questions.
        accuracy: the task's usual one: normalised by length where lm-eval defines that. Chance is 100 / choices.
        plain: of the most probable choice, whatever its length.
    """

    n: int
    accuracy: ValueChange
    plain: ValueChange


def accuracy_changes(rows: Iterable[BenchmarkScore], *, seed: int) -> dict[str, AccuracyChange]:
    """Each task and ``mean``; empty where no question was answered by both variants."""
    examples = examples_of(CHOICES, rows)
    tasks = sorted({example.part for example in examples})
    columns = {
        task: np.array([_outcome(example) for example in examples if example.part == task]) for task in tasks
    }
    if not columns:
        return {}
    samples = {task: resampled_means(values, seed + at) for at, (task, values) in enumerate(columns.items())}
    changes = {task: _change(len(columns[task]), columns[task].mean(axis=0), samples[task]) for task in tasks}
    whole = np.mean([values.mean(axis=0) for values in columns.values()], axis=0)
    return changes | {MEAN: _change(len(examples), whole, np.mean(list(samples.values()), axis=0))}


def is_right(task: str, options: Options, right: str) -> tuple[float, float]:
    """Whether the usual and the plain answer are ``right``: 100 or 0 each; of a tie the first choice is taken.

    Args:
        options: choice → (summed log-probability, tokens), in the order of the choices.
    """
    plain = max(options, key=lambda choice: options[choice][0])
    by_length = max(options, key=lambda choice: options[choice][0] / len(choice))
    usual = by_length if task in NORMALISED else plain
    return 100.0 * (usual == right), 100.0 * (plain == right)


def _outcome(example: Example) -> list[float]:
    """Base's usual and plain accuracy, then the tuned model's."""
    return example.outcome(lambda options: is_right(example.part, options, example.target))


def _change(n: int, whole: Floats, samples: Floats) -> AccuracyChange:
    usual, plain = (
        ValueChange(
            float(whole[at]),
            float(whole[at + 2]),
            percentile_interval(samples[:, at + 2] - samples[:, at]),
        )
        for at in (0, 1)
    )
    return AccuracyChange(n, usual, plain)
