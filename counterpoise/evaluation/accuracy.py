"""Accuracy in multiple-choice tasks before and after: each task, and the mean over tasks.

A task's interval resamples its questions; that of the mean resamples each task's own, since the tasks and their sizes
are fixed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.evaluation.multiple_choice import NORMALISED
from counterpoise.evaluation.names import CHOICES
from counterpoise.measures.benchmarks import Example, Options, examples_of, with_intervals
from counterpoise.measures.measure import Measure, before_after
from counterpoise.measures.names import ACCURACY, PLAIN_ACCURACY
from counterpoise.metrics.intervals import Floats, resampled_means


def accuracy_measures(rows: Iterable[BenchmarkScore], *, seed: int) -> list[Measure]:
    """The mean over tasks, then each task; nothing where no question was answered by both variants.

    Accuracy is the task's usual one, normalised by length where lm-eval defines that; the plain one is that of the most
    probable choice, whatever its length. Chance is 100 / choices.
    """
    examples = examples_of(CHOICES, rows)
    tasks = sorted({example.part for example in examples})
    columns = {
        task: np.array([_outcome(example) for example in examples if example.part == task]) for task in tasks
    }
    if not columns:
        return []
    samples = {task: resampled_means(values, seed + at) for at, (task, values) in enumerate(columns.items())}
    whole = np.mean([values.mean(axis=0) for values in columns.values()], axis=0)
    return [
        *_measures("", len(examples), whole, np.mean(list(samples.values()), axis=0)),
        *(
            row
            for task in tasks
            for row in _measures(task, len(columns[task]), columns[task].mean(axis=0), samples[task])
        ),
    ]


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


def _measures(task: str, n: int, whole: Floats, samples: Floats) -> list[Measure]:
    found = []
    for at, name in enumerate((ACCURACY, PLAIN_ACCURACY)):
        base, tuned = float(whole[at]), float(whole[at + 2])
        row = before_after(name, base, tuned, by=task, unit="%", aim="higher", n=n, counts=at == 0)
        found.append(with_intervals(row, samples[:, at], samples[:, at + 2]))
    return found
