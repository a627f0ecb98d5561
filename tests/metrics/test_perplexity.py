from __future__ import annotations

import math

import pytest

from counterpoise.errors import DataError
from counterpoise.measures.perplexity import perplexity_measure
from counterpoise.metrics.perplexity import perplexity


def test_perplexity_weighs_tokens() -> None:
    # (4·ln 2 + 1·ln 16) / 5 tokens = (4 ln 2 + 4 ln 2) / 5
    result = perplexity([-4 * math.log(2), -math.log(16)], [4, 1])
    assert result.value == pytest.approx(2 ** (8 / 5))
    assert (result.sentences, result.tokens) == (2, 5)


def test_uniform_model_has_its_vocabulary_as_perplexity() -> None:
    result = perplexity([-3 * math.log(50), -7 * math.log(50)], [3, 7])
    assert result.value == pytest.approx(50)
    assert result.interval == pytest.approx((50, 50))


def test_ratio_is_paired() -> None:
    base = [-10.0, -40.0, -25.0]
    tokens = [4, 12, 9]
    tuned = [b - 0.02 * t for b, t in zip(base, tokens, strict=True)]  # 0.02 nats a token worse everywhere
    found = perplexity_measure(base, tuned, tokens)
    rise = 100 * (math.exp(0.02) - 1)  # percent
    assert found.change == pytest.approx(rise)
    assert found.interval == pytest.approx((rise, rise))
    assert found.base == pytest.approx(perplexity(base, tokens).value)


@pytest.mark.parametrize(
    ("log_probs", "tokens", "words"),
    [
        ([-1.0], [1, 2], "1 log-probabilities for 2"),
        ([], [], "at least one"),
        ([math.nan], [3], "not finite"),
    ],
)
def test_bad_input(log_probs: list[float], tokens: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        perplexity(log_probs, tokens)
