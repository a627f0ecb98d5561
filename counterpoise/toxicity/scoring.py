"""Many texts through one classifier: each distinct text once, in batches of similar length."""

from __future__ import annotations

import math
from collections.abc import Sequence

from counterpoise.errors import DataError, ModelError
from counterpoise.memory import in_halves, is_out_of_memory
from counterpoise.records import Progress, silent
from counterpoise.toxicity.classifiers import ToxicityClassifier

BATCH_SIZE = 64


def score_texts(
    classifier: ToxicityClassifier,
    texts: Sequence[str],
    *,
    batch_size: int = BATCH_SIZE,
    progress: Progress = silent,
) -> list[float]:
    """The toxicity of each text, from 0 to 1, in the order given.

    Batches hold texts of similar length, so that little of a batch is padding. A batch that does not fit
    the memory is halved.

    Args:
        batch_size: texts in a batch.
        progress: called with distinct texts done and in all.

    Raises:
        DataError: the classifier gave something that is not a probability; names the text.
        ModelError: even one text does not fit the memory.
    """
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    scores: dict[str, float] = {}
    for start in range(0, len(distinct), batch_size):
        batch = distinct[start : start + batch_size]
        found = in_halves(batch, lambda part: _scored(classifier, part))
        for text, score in zip(batch, found, strict=True):
            scores[text] = _checked(score, text, classifier.name)
        progress(len(scores), len(distinct))
    return [scores[text] for text in texts]


def _scored(classifier: ToxicityClassifier, batch: Sequence[str]) -> list[float]:
    try:
        scores = list(classifier.score(batch))
    except (RuntimeError, MemoryError) as error:
        if len(batch) > 1 or not is_out_of_memory(error):
            raise
        raise ModelError(
            f"{classifier.name}: a text of {len(batch[0]):,} characters does not fit the memory",
            "use a smaller classifier or another device",
        ) from None
    if len(scores) != len(batch):
        raise DataError(
            f"{classifier.name} gave {len(scores)} scores for {len(batch)} texts", "fix the classifier"
        )
    return scores


def _checked(score: float, text: str, name: str) -> float:
    if not (math.isfinite(score) and 0 <= score <= 1):
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise DataError(
            f"{name} scored {shown!r} with {score}, expected 0 to 1", "check the classifier's weights"
        )
    return score
