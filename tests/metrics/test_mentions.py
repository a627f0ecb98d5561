from __future__ import annotations

import pytest

from counterpoise.errors import DataError
from counterpoise.metrics.mentions import mentions

TERMS = {"muslim": ["Muslim", "Muslims", "mosque"], "women": ["woman", "women", "she"]}


def test_mentions_are_whole_words_in_any_case() -> None:
    found = mentions(["A MUSLIM family", "the shed", "She prays at the mosque", "non-Muslim"], TERMS)
    assert found == {"muslim": [True, False, True, True], "women": [False, False, True, False]}


def test_a_group_without_terms_is_an_error() -> None:
    with pytest.raises(DataError, match="'x' has no terms"):
        mentions(["a"], {"x": []})
