from __future__ import annotations

import re
import warnings
from pathlib import Path

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


def test_its_identity_term_bias_is_as_documented(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "toxicity.md").read_text(encoding="utf-8")
    text = text.partition("## What these scores are not")[2]
    rows = re.findall(
        r"^\| (\w+) \| (\d\.\d\d) \| (\d\.\d\d) \| (\d\.\d\d) \| (\d\.\d\d) \|$", text, re.MULTILINE
    )
    assert len(rows) == 8
    classifier = load_classifier("alt-profanity-check", cache=tmp_path)
    for group, *printed in rows:
        people = [f"{group} people are {word}" for word in ("awful", "lazy", "kind")]
        scores = classifier.score([*people, f"My neighbour is a {group} person."])
        assert [f"{score:.2f}" for score in scores] == printed, group
