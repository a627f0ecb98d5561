"""How the stages that compare base and tuned load them: one set of weights, one precision, one adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.artifacts.store import Ref
from counterpoise.engine.job import Job
from counterpoise.records import Variant

if TYPE_CHECKING:
    from counterpoise.config import RunConfig
    from counterpoise.models.config import Precision
    from counterpoise.models.loading import LoadedModel

VARIANTS: tuple[Variant, ...] = ("base", "tuned")
ADAPTER_FOLDER = "adapter"
"""Where the adapter itself lies inside the adapter stage's artifact."""


def scoring_precision(config: RunConfig) -> Precision:
    """The scoring section's own precision, or the one the model is trained in."""
    return config.scoring.precision or config.model.precision


def scoring_settings(config: RunConfig) -> dict[str, Any]:
    """What decides a log-probability."""
    return {
        "prefix": config.scoring.prefix,
        "token_budget": config.scoring.token_budget,
        "precision": scoring_precision(config),
    }


def load_for_scoring(job: Job, model: Ref, adapter: Ref | None) -> LoadedModel:
    """The base model as it is judged, with the adapter on where one is given."""
    from counterpoise.models.loading import load_model

    if adapter is not None:
        return load_with_adapter(job, model, adapter)
    return load_model(job.folder(model), scoring_precision(job.config))


def load_with_adapter(job: Job, model: Ref, adapter: Ref) -> LoadedModel:
    """The base model with the adapter attached; ``adapter_switched`` turns it off and on."""
    return load_adapter_folder(job, model, job.folder(adapter) / ADAPTER_FOLDER)


def load_adapter_folder(job: Job, model: Ref, folder: Path) -> LoadedModel:
    """The base model as it is judged, with the adapter of a folder attached."""
    from counterpoise.models.loading import load_model

    return load_model(job.folder(model), scoring_precision(job.config), adapter=folder)
