"""Counterpoise from Python: :func:`score`, :func:`compare`, :func:`swap` and :func:`debias`; docs/python.md shows them.

Importing it loads none of what they need, and makes torch's threads wait calmly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from counterpoise.threads import set_defaults

if TYPE_CHECKING:
    from counterpoise.counterfactual import swap
    from counterpoise.flows.api import compare, debias, score

__all__ = ["compare", "debias", "score", "swap"]

set_defaults()


def __getattr__(name: str) -> Any:
    """One of the four, imported on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "counterpoise.counterfactual" if name == "swap" else "counterpoise.flows.api"
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
