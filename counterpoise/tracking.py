"""Where a run's numbers also go, for people who compare runs in a tracker."""

from __future__ import annotations

from pydantic import Field

from counterpoise.settings import Settings


class TrackingConfig(Settings):
    """Off by default. What is written here decides no result, so it is in no key."""

    tensorboard: str = Field(
        "", description="A folder for TensorBoard (settings, training curves, measures); empty: none."
    )
