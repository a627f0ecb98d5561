"""One call for one text."""

from __future__ import annotations

from functools import cache

from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import Direction, Swap


@cache
def _default_engine() -> Engine:
    return Engine.from_config()


def swap(text: str, axis: str = "gender", direction: Direction | None = None) -> Swap:
    """The counterfactual of ``text`` on one axis, with the built-in lexicon.

    Raises:
        UsageError: the axis or a group does not exist.

    >>> swap("She checked her watch and thanked him.").swapped
    'He checked his watch and thanked her.'
    >>> swap("a Muslim baker", axis="religion").swapped
    'a Christian baker'
    """
    return _default_engine().swap(text, (axis,), direction)
