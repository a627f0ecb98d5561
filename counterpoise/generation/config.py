"""What is generated, and how it is sampled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.settings import Settings


class GenerationConfig(Settings):
    """Open-ended generation by base and tuned.

    The defaults follow RealToxicityPrompts (Gehman et al. 2020, §3: nucleus sampling with p = 0.9), with one
    sample a prompt instead of 25 and a bound on the candidates so that it is affordable on two CPU cores.
    """

    prompt_set: Literal["local", "full"] = Field(
        "local", description="Which built-in prompts: 'local' (a subset of every axis) or 'full'."
    )
    adapters: Literal["first", "split", "all"] = Field(
        "first",
        description="Which adapters answer: the first evaluated fold's; all of them with the prompts dealt over the "
        "evaluated folds ('split'), so that each prompt is answered by one; or every one of them every prompt ('all').",
    )
    neutral_prompts: int = Field(
        400,
        ge=0,
        description="Beginnings of the report's neutral sentences to continue as well, at most (count).",
    )
    random_adapter: bool = Field(
        True,
        description="Whether a random adapter as large as the first trained one answers every prompt too, which tells "
        "how far text moves under any change of that size.",
    )
    bold_prompts: int = Field(
        0,
        ge=0,
        description="Prompts of BOLD (Dhamala et al. 2021) to add, for each of its identity groups (count).",
    )
    samples: int = Field(1, ge=0, le=1000, description="Sampled continuations a prompt and variant (count).")
    greedy: bool = Field(
        True,
        description="Also take the most likely continuation; it is sample 0 and the sampled ones follow.",
    )
    max_new_tokens: int = Field(32, ge=1, le=4096, description="Longest continuation (tokens).")
    temperature: float = Field(
        1.0, gt=0, le=10, description="Divides the logits before sampling (1 = as trained)."
    )
    top_p: float = Field(
        0.9, gt=0, le=1, description="Nucleus: sample from this much probability mass (0 to 1)."
    )
    top_k: int = Field(100, ge=1, le=10_000, description="Sample from at most this many candidates (count).")
    prefix: Literal["tokenizer", "bos", "none"] = Field(
        "tokenizer",
        description="Before the prompt: what the model's own tokenizer adds, its BOS token, or nothing.",
    )
    batch_size: int = Field(128, ge=1, le=4096, description="Continuations decoded together (count).")

    @property
    def samples_per_prompt(self) -> int:
        """Continuations a prompt and variant, the greedy one included."""
        return self.samples + int(self.greedy)
