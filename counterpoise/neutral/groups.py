"""Neutral sentences about groups, each beside its swap of gender, to hold a model to while it trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from counterpoise.counterfactual import Engine


def with_swaps(texts: Iterable[str], engine: Engine) -> list[str]:
    """Every text, followed by its counterfactual where it has one; none twice.

    A preference between sentences can be learnt by making one group's words rarer everywhere. What is held on both
    sides of a swap cannot be.

    >>> with_swaps(["She is an actress.", "It rains."], Engine.from_config())
    ['She is an actress.', 'He is an actor.', 'It rains.']
    """
    return list(dict.fromkeys(_both(texts, engine)))


def _both(texts: Iterable[str], engine: Engine) -> Iterator[str]:
    for text in texts:
        yield text
        swap = engine.swap(text)
        if swap.changed:
            yield swap.swapped
