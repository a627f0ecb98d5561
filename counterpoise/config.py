"""The whole configuration of a run: one frozen section a room. Profiles are values of :class:`RunConfig`."""

from __future__ import annotations

from pydantic import Field

from counterpoise.alignment.config import AlignmentConfig
from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.evaluation.config import BenchmarksConfig
from counterpoise.generation.config import GenerationConfig
from counterpoise.likelihood.config import ScoringConfig
from counterpoise.models.config import ModelConfig
from counterpoise.pairs.config import PairsConfig
from counterpoise.preferences.config import PreferencesConfig
from counterpoise.publishing.config import PublishConfig
from counterpoise.settings import Settings
from counterpoise.toxicity.config import ToxicityConfig


class CapabilityConfig(Settings):
    """The neutral text that tells whether the model is still a language model."""

    source: str = Field(
        "bold-wikipedia-profession",
        description="Registry name of neutral text, or the path of a UTF-8 file with one sentence a line.",
    )
    probe_texts: int = Field(48, ge=1, description="Sentences whose perplexity is watched during training.")
    evaluation_texts: int = Field(400, ge=1, description="Other sentences, kept for the report's perplexity.")
    replay_texts: int = Field(
        192, ge=0, description="Further sentences on which the model is held to its base while it trains."
    )
    replay_groups: int = Field(
        12,
        ge=0,
        description="Encyclopaedic sentences a group, each with its swap of gender, that the model is held to as well; "
        "none of those that the erasure audit reads.",
    )
    probe_groups: int = Field(
        40,
        ge=0,
        description="Encyclopaedic sentences a group, at most, that are watched during training, group against all: "
        "none of those that are replayed or that the erasure audit reads. Groups with less than half as many left are "
        "not watched.",
    )


class RunConfig(Settings):
    """Everything that decides a run's results. Every field has a default: those of the `local` profile."""

    profile: str = Field(
        "local", description="Name of the profile the values came from.", json_schema_extra={"result": False}
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of folds, training order and sampling.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="Base model and its precision.")
    pairs: PairsConfig = Field(default_factory=PairsConfig, description="Benchmark pairs and folds.")
    counterfactual: CounterfactualConfig = Field(
        default_factory=CounterfactualConfig, description="Identity swaps."
    )
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
