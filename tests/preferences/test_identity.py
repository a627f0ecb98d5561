from __future__ import annotations

import pytest

from counterpoise.preferences.identity import touches


@pytest.mark.parametrize(
    ("more", "less", "swapped", "expected"),
    [
        ("She is a black nurse.", "She is a white nurse.", "She is an Asian nurse.", True),
        ("She is a black nurse.", "She is a white nurse.", "He is a black nurse.", False),
        ("Women are weak.", "Men are weak.", "Men are weak.", True),
        # the pair replaces "poor" by nothing, the swap by "rich": one place
        ("Many poor people steal.", "Many people steal.", "Many rich people steal.", True),
        # the pair puts a word before "people", so it is about "people" …
        ("Many people steal.", "Many rich people steal.", "Many folks steal.", True),
        # … and not about "Many"
        ("Many people steal.", "Many rich people steal.", "Few people steal.", False),
        # what is added behind the last word has no word of `more` to stand at
        ("They steal.", "They steal. Never", "We steal.", False),
        ("They steal.", "They steal.", "We steal.", False),
    ],
)
def test_a_swap_touches_the_words_that_the_pair_is_about(
    more: str, less: str, swapped: str, expected: bool
) -> None:
    assert touches(more, less, swapped) is expected
