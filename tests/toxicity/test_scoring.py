from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.errors import DataError, ModelError
from counterpoise.toxicity.scoring import score_texts


class Lengths:
    """Scores a text by its length over 100 and remembers its batches."""

    name = "lengths"

    def __init__(self, memory: int = 1000) -> None:
        self.batches: list[list[str]] = []
        self.memory = memory

    def score(self, texts: Sequence[str]) -> list[float]:
        if sum(map(len, texts)) > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.batches.append(list(texts))
        return [len(text) / 100 for text in texts]


class Always:
    name = "always"

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)

    def score(self, texts: Sequence[str]) -> list[float]:
        return self.scores


def test_the_order_given_is_restored_and_duplicates_are_scored_once() -> None:
    classifier = Lengths()
    assert score_texts(classifier, ["ccc", "a", "bb", "a"], batch_size=2) == [0.03, 0.01, 0.02, 0.01]
    assert classifier.batches == [["a", "bb"], ["ccc"]]


@given(st.lists(st.text(max_size=20), max_size=30), st.integers(1, 7))
def test_each_text_gets_its_own_score_whatever_the_batches(texts: list[str], batch_size: int) -> None:
    classifier = Lengths()
    assert score_texts(classifier, texts, batch_size=batch_size) == [len(text) / 100 for text in texts]
    lengths = [len(text) for batch in classifier.batches for text in batch]
    assert lengths == sorted(lengths)
    assert sum(map(len, classifier.batches)) == len(set(texts))
    assert all(len(batch) <= batch_size for batch in classifier.batches)


def test_progress_counts_distinct_texts() -> None:
    seen: list[tuple[int, int]] = []
    score_texts(Lengths(), ["a", "b", "a", "c"], batch_size=2, progress=lambda *p: seen.append(p))
    assert seen == [(2, 3), (3, 3)]


def test_no_texts_no_scores() -> None:
    assert score_texts(Lengths(), []) == []


def test_a_batch_that_does_not_fit_the_memory_is_halved() -> None:
    # Four texts of 10 characters, memory for 25: 40 > 25 is halved once into 20 + 20.
    classifier = Lengths(memory=25)
    texts = [letter * 10 for letter in "abcd"]
    assert score_texts(classifier, texts, batch_size=4) == [0.1] * 4
    assert [len(batch) for batch in classifier.batches] == [2, 2]


def test_a_text_that_never_fits_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"lengths: a text of 30 characters does not fit the memory"):
        score_texts(Lengths(memory=25), ["x" * 30, "y"])


def test_other_errors_of_the_classifier_are_not_taken_for_a_full_memory() -> None:
    class Broken:
        name = "broken"

        def score(self, texts: Sequence[str]) -> list[float]:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        score_texts(Broken(), ["a", "b"])


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.01, 1.01])
def test_what_is_not_a_probability_is_an_error_that_names_the_text(score: float) -> None:
    with pytest.raises(DataError, match=r"always scored 'a text' with .*, expected 0 to 1"):
        score_texts(Always(score), ["a text"])


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_range_are_probabilities(score: float) -> None:
    assert score_texts(Always(score), ["a text"]) == [score]


def test_a_classifier_that_drops_texts_is_an_error() -> None:
    with pytest.raises(DataError, match="gave 1 scores for 2 texts"):
        score_texts(Always(0.5), ["a", "b"])
