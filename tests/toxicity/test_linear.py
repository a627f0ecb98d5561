from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from counterpoise.toxicity.classifiers import load_classifier


def test_the_linear_model_scores_offline_and_quietly(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = load_classifier("alt-profanity-check", cache=tmp_path)
        scores = classifier.score(["You are a worthless idiot.", "The lake is fed by two streams.", ""])
    assert scores[0] > 0.9
    assert scores[1] < 0.1
    assert classifier.score([]) == []
    assert not list(tmp_path.iterdir())


def test_its_identity_term_bias_is_as_documented(tmp_path: Path) -> None:
    """docs/toxicity.md prints these numbers: the same sentence, another group."""
    classifier = load_classifier("alt-profanity-check", cache=tmp_path)
    texts = ["gay people are awful", "white people are lazy", "black people are lazy", "tall people are lazy"]
    assert classifier.score(texts) == pytest.approx([0.95, 0.88, 0.79, 0.24], abs=0.005)
