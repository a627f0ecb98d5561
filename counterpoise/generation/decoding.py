"""How a continuation is drawn, where it is part of the program and not of a run's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decoding:
    """The fields of :class:`counterpoise.generation.config.GenerationConfig` that decoding reads, same meaning."""

    samples: int = 1
    greedy: bool = True
    max_new_tokens: int = 32
    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 100
    prefix: Literal["tokenizer", "bos", "none"] = "tokenizer"
    batch_size: int = 128

    @property
    def samples_per_prompt(self) -> int:
        """Continuations a prompt, the greedy one included."""
        return self.samples + int(self.greedy)
