"""The first words of neutral sentences, for a model to continue."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

WORDS = (3, 5, 7)
"""A sentence's beginning has so many words, in turn."""


def beginnings(texts: Iterable[str]) -> list[str]:
    """The first words of each sentence, none twice; a sentence that ends there is left out.

    >>> beginnings(["A smith works with iron.", "The sea is deep and cold today.", "Snow fell."])
    ['A smith works', 'The sea is deep and']
    """
    found = [
        " ".join(words[:size])
        for words, size in zip((text.split() for text in texts), cycle(WORDS), strict=False)
        if len(words) > size
    ]
    return list(dict.fromkeys(found))
