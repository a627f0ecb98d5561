from __future__ import annotations

import pytest

from counterpoise.errors import DataError
from counterpoise.toxicity.agreement import agreement


def test_the_arithmetic() -> None:
    # Decisions at 0.5: T T F F against T F F T. They differ on two of four texts; each calls two toxic.
    # By chance they'd agree on 0.5·0.5 + 0.5·0.5 = 0.5, so kappa = (0.5 - 0.5) / (1 - 0.5) = 0.
    result = agreement([0.9, 0.6, 0.2, 0.1], [0.8, 0.3, 0.1, 0.7])
    assert (result.texts, result.differing, result.first_toxic, result.second_toxic) == (4, 2, 2, 2)
    assert result.differing_share == 0.5
    assert result.kappa == 0
    # Ranks 4 3 2 1 against 4 2 1 3: differences 0 1 1 -2, sum of squares 6, rho = 1 - 6·6 / (4·15) = 0.4.
    assert result.rank_correlation == pytest.approx(0.4)


def test_better_than_chance() -> None:
    # T F F F against T T F F: one differs; by chance 0.25·0.5 + 0.75·0.5 = 0.5; kappa = (0.75 - 0.5) / 0.5.
    assert agreement([0.9, 0.1, 0.1, 0.1], [0.9, 0.9, 0.1, 0.1]).kappa == pytest.approx(0.5)


def test_the_threshold_itself_is_toxic() -> None:
    assert agreement([0.5], [0.49]).first_toxic == 1
    assert agreement([0.5], [0.49]).second_toxic == 0


def test_without_any_variation_nothing_is_claimed() -> None:
    result = agreement([0.1, 0.1], [0.2, 0.3])
    assert (result.kappa, result.rank_correlation, result.differing) == (None, None, 0)


@pytest.mark.parametrize(("first", "second"), [([], []), ([0.1], [0.1, 0.2])])
def test_scores_of_different_texts_cannot_be_compared(first: list[float], second: list[float]) -> None:
    with pytest.raises(DataError, match="cannot compare"):
        agreement(first, second)
