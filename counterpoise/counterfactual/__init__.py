"""Identity swaps: ``swap(text, axis="gender")``, or an :class:`Engine` for many texts."""

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.engine import Engine
from counterpoise.counterfactual.records import AXES, Direction, Edit, Refusal, Swap
from counterpoise.counterfactual.shortcut import swap

__all__ = ["AXES", "CounterfactualConfig", "Direction", "Edit", "Engine", "Refusal", "Swap", "swap"]
