"""The model as it will be judged: what the guards look at while another copy of it may be training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.lora import restore_trainable, trainable_state
from counterpoise.alignment.probes import ProbeSet, base_level, probe, read, soft_score
from counterpoise.alignment.records import Probe, ReferenceLogProb
from counterpoise.alignment.scoring import decoder, reference_log_probs
from counterpoise.models.attention import use_short_attention
from counterpoise.models.fused import fuse_lora
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Pair


class Judge:
    """Takes readings of an adapter and compares them with the base's.

    Args:
        trained: the ``PeftModel`` that is being trained.
        loaded: another copy of the base, at the precision it will be judged in, or None where the trained
            one is judged itself.
        probes_on: what every reading measures on.
        level: pairs that, beside the validation ones, tell where the base stands
            (:func:`counterpoise.alignment.probes.probe`); may be empty.
    """

    def __init__(
        self,
        trained: Any,
        loaded: LoadedModel | None,
        tokenizer: Any,
        probes_on: ProbeSet,
        level: Sequence[Pair],
        config: AlignmentConfig,
    ) -> None:
        self._trained, self._tokenizer, self._probes_on = trained, tokenizer, probes_on
        self._guards = config.guards
        self.model = trained if loaded is None else _with_lora(loaded, trained.peft_config["default"])
        self._parts = decoder(self.model)
        limit, temperature = config.optimisation.max_tokens, config.guards.temperature
        with self.model.disable_adapter():
            self.base = read(self.model, self._parts, tokenizer, probes_on)
            own = soft_score(self.base.more - self.base.less, temperature)
            others = (
                base_level(
                    self.model, self._parts, tokenizer, level, max_tokens=limit, temperature=temperature
                )
                if level
                else own
            )
        # A mean over all pairs, from the means of two parts: the validation pairs were just read.
        read_pairs = len(self.base.more)
        self._level = (read_pairs * own + len(level) * others) / (read_pairs + len(level)) if level else None

    def probe(self, step: int) -> Probe:
        """Look at the adapter as it is now; step 0 is the base."""
        if step == 0:
            return probe(0, self.base, self.base, self._guards, self._level)
        if self.model is not self._trained:
            restore_trainable(self.model, trainable_state(self._trained))
        now = read(self.model, self._parts, self._tokenizer, self._probes_on)
        return probe(step, now, self.base, self._guards, self._level)

    def reference(self, batches: Sequence[TokenBatch]) -> list[ReferenceLogProb] | None:
        """The judged base's log-probabilities, or None where it is the trained one's own."""
        if self.model is self._trained:
            return None
        return reference_log_probs(self.model, self._parts, batches)


def _with_lora(loaded: LoadedModel, lora: LoraConfig) -> Any:
    """A base with an adapter of the same shape; draws no random number of the run's."""
    use_short_attention(loaded.model)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        model = get_peft_model(loaded.model, lora)
    fuse_lora(model, hold_weights=False)
    return model
