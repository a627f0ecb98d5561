"""Every counterfactual of every sentence of a set of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import Swap
from counterpoise.records import Counterfactual, Progress, silent


class _Sentences(Protocol):
    @property
    def pair_id(self) -> int: ...
    @property
    def more(self) -> str: ...
    @property
    def less(self) -> str: ...


def swap_pairs(
    pairs: Sequence[_Sentences], config: CounterfactualConfig, progress: Progress = silent
) -> list[Counterfactual]:
    """Every swap of both sentences of every pair, on each configured axis, in the order of the pairs."""
    engine = Engine.from_config(config)
    rows: list[Counterfactual] = []
    for done, pair in enumerate(pairs, start=1):
        for side, text in (("more", pair.more), ("less", pair.less)):
            for axis in config.axes:
                rows += _rows(pair.pair_id, side, axis, engine.swaps(text, axis))
        progress(done, len(pairs))
    return rows


def _rows(pair_id: int, side: str, axis: str, swaps: Iterable[Swap]) -> Iterator[Counterfactual]:
    for swap in swaps:
        yield Counterfactual(
            pair_id=pair_id,
            side=side,
            axis=axis,
            direction=">".join(swap.directions[axis]),
            text=swap.text,
            swapped=swap.swapped,
            edits=len(swap.edits),
            refusals=" · ".join(f"{item.term}: {item.reason}" for item in swap.refusals),
        )
