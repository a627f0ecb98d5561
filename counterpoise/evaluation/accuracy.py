"""Multiple-choice tasks before and after: accuracy and the probability of the right choice, by task and on average.

A task's interval resamples its questions; that of the mean resamples each task's own, since the tasks and their sizes
are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from counterpoise.evaluation.items import BenchmarkScore
from counterpoise.evaluation.multiple_choice import NORMALISED
from counterpoise.evaluation.names import CHOICES
from counterpoise.measures.benchmarks import Example, Options, examples_of, with_intervals
from counterpoise.measures.measure import Measure, before_after
from counterpoise.measures.names import ACCURACY, PLAIN_ACCURACY, RIGHT
from counterpoise.metrics.intervals import Floats, resampled_means


def accuracy_measures(rows: Iterable[BenchmarkScore], *, seed: int) -> list[Measure]:
    """The mean over tasks, then each task; nothing where no question was answered by both variants.

    A claim is made on the probability of the right choice among a question's choices: it changes in every question, not
    only where an answer turns, so the same questions show a change five times as small. Accuracy is the task's usual
    one, normalised by length where lm-eval defines that; the plain one is that of the most probable choice, whatever
    its length. Chance is 100 / choices.
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


def right_probability(options: Options, right: str) -> float:
    """Probability of the ``right`` choice, given that one of the choices follows, percent.

    Args:
        options: choice → (summed log-probability, tokens).
    """
    most = max(total for total, _ in options.values())
    weights = {choice: math.exp(total - most) for choice, (total, _) in options.items()}
    return 100 * weights[right] / sum(weights.values())


def _outcome(example: Example) -> list[float]:
    """Base's probability of the right choice, usual and plain accuracy, then the tuned model's."""
    return example.outcome(
        lambda options: (
            right_probability(options, example.target),
            *is_right(example.part, options, example.target),
        )
    )


def _measures(task: str, n: int, whole: Floats, samples: Floats) -> list[Measure]:
    found = []
    for at, name in enumerate((RIGHT, ACCURACY, PLAIN_ACCURACY)):
        base, tuned = float(whole[at]), float(whole[at + 3])
        row = before_after(name, base, tuned, by=task, unit="%", aim="higher", n=n, counts=at < 2)
        found.append(with_intervals(row, samples[:, at], samples[:, at + 3]))
    return found
