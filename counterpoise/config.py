"""The whole configuration of a run: one frozen section a room. Profiles are values of :class:`RunConfig`."""

from __future__ import annotations

from pydantic import Field

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.counterfactual.config import TrainingSwaps
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.generation.config import GenerationConfig
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.models.config import ModelConfig
from counterpoise.neutral.config import CapabilityConfig
from counterpoise.pairs.config import PairsConfig
from counterpoise.preferences.config import PreferencesConfig
from counterpoise.publishing.config import PublishConfig
from counterpoise.settings import Settings
from counterpoise.toxicity.config import ToxicityConfig
from counterpoise.tracking import TrackingConfig


class RunConfig(Settings):
    """Everything that decides a run's results. Every field has a default: those of the `local` profile."""

    profile: str = Field(
        "local", description="Name of the profile the values came from.", json_schema_extra={"result": False}
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of folds, training order and sampling.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="Base model and its precision.")
    pairs: PairsConfig = Field(default_factory=PairsConfig, description="Benchmark pairs and folds.")
    counterfactual: TrainingSwaps = Field(default_factory=TrainingSwaps, description="Identity swaps.")
    toxicity: ToxicityConfig = Field(default_factory=ToxicityConfig, description="Toxicity classifiers.")
    preferences: PreferencesConfig = Field(
        default_factory=PreferencesConfig, description="Preference candidates and the filter."
    )
    alignment: AlignmentConfig = Field(default_factory=AlignmentConfig, description="4-bit LoRA DPO.")
    scoring: ScoringConfig = Field(default_factory=ScoringConfig, description="CrowS-Pairs scoring.")
    capability: CapabilityConfig = Field(
        default_factory=CapabilityConfig, description="Neutral-text perplexity."
    )
    benchmarks: BenchmarksConfig = Field(
        default_factory=BenchmarksConfig, description="Benchmarks beside CrowS-Pairs."
    )
    generation: GenerationConfig = Field(
        default_factory=GenerationConfig, description="Continuations by base and tuned."
    )
    publish: PublishConfig = Field(
        default_factory=PublishConfig, description="Where the finished model goes; nowhere by default."
    )
    tracking: TrackingConfig = Field(
        default_factory=TrackingConfig,
        description="Trackers that get the run's numbers; none by default.",
        json_schema_extra={"result": False},
    )
