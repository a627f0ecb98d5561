"""The precision at which base and tuned are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.models.config import Precision


def scoring_precision(config: RunConfig) -> Precision:
    """The scoring section's own, or the one the model is trained in."""
    return config.scoring.precision or config.model.precision
