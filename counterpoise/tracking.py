"""Where a run's numbers also go, for people who compare runs in a tracker."""

from __future__ import annotations

from pydantic import Field, field_validator

from counterpoise.settings import Settings


class TrackingConfig(Settings):
    """Off by default. What is written here decides no result, so it is in no key."""

    tensorboard: str = Field(
        "", description="A folder for TensorBoard (settings, training curves, measures); empty: none."
    )
    mlflow: str = Field(
        "",
        description="An MLflow server's address, or sqlite:///FILE (settings, training curves, measures, report); "
        "empty: none.",
    )

    @field_validator("mlflow")
    @classmethod
    def _without_a_login(cls, address: str) -> str:
        if "@" in address.partition("://")[2].partition("/")[0]:
            raise ValueError(
                "an address with a login would be written into the run; set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        return address
