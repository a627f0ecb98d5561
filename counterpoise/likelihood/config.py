"""How sentences are scored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.records import Normalisation
from counterpoise.settings import Settings


class ScoringConfig(Settings):
    """Log-probabilities of whole sentences under a causal language model."""

    prefix: str = Field(
        "bos",
        min_length=1,
        description="Token before each sentence, so that its first token is scored too: bos, eos, the "
        "literal text of another token of the vocabulary (such as <|endoftext|>), or none, which leaves each "
        "sentence's first token unscored. It moves the score by points: compare only equal prefixes.",
    )
    normalisation: Normalisation = Field(
        "sum",
        description="sum compares the log-probabilities of whole sentences (as lm-eval does); mean divides "
        "each by its number of tokens (as the case study does).",
    )
    precision: Literal["", "fp32", "bf16", "nf4"] = Field(
        "",
        description="Weights while scoring base and tuned alike: fp32, bf16 or nf4; empty: as the model's.",
    )
    token_budget: int = Field(
        TOKEN_BUDGET,
        ge=64,
        description="Tokens in one forward pass, padding included. Under bf16 it can change the last digits.",
    )
