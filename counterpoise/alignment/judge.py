"""The model as it will be judged: what the guards look at while another copy of it may be training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor

from counterpoise.alignment.batches import TokenBatch
from counterpoise.alignment.config import AlignmentConfig
from counterpoise.alignment.lora import restore_trainable, trainable_state
from counterpoise.alignment.probes import ProbeSet, Reading, pair_margins, probe, read
from counterpoise.alignment.records import Probe, ReferenceLogProb
from counterpoise.alignment.scoring import decoder, reference_log_probs
from counterpoise.alignment.steering import CategoryBias, Margins, base_bias, remaining, score, shifts
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
        validation: the pairs behind ``probes_on``.
        level: further pairs that tell where the base stands (:func:`counterpoise.alignment.probes.probe`).
        prefix: what stands before each sentence.
    """

    def __init__(
        self,
        trained: Any,
        loaded: LoadedModel | None,
        tokenizer: Any,
        probes_on: ProbeSet,
        validation: Sequence[Pair],
        level: Sequence[Pair],
        config: AlignmentConfig,
        prefix: str = "bos",
    ) -> None:
        self._trained, self._tokenizer, self._probes_on, self._prefix = trained, tokenizer, probes_on, prefix
        self._guards, self._loss = config.guards, config.loss
        self.model = trained if loaded is None else _with_lora(loaded, trained.peft_config["default"])
        self._parts = decoder(self.model, config.optimisation.max_tokens)
        with self.model.disable_adapter():
            self.base = read(self.model, self._parts, tokenizer, probes_on)
            self._before = self._validation_margins(self.base, validation)
            known = self._known(level, config.optimisation.max_tokens)
        self._level = score(known.values)
        self._base_bias = base_bias(known)

    def _validation_margins(self, base: Reading, validation: Sequence[Pair]) -> Margins:
        category = {str(pair.pair_id): pair.category for pair in validation}
        names = (name for batch in self._probes_on.pairs for name in batch.names)
        return Margins(tuple(category[name] for name in names), base.margins)

    def _known(self, level: Sequence[Pair], max_tokens: int) -> Margins:
        """The base's margins on every pair it may be measured on: the validation pairs and ``level``."""
        if not level:
            return self._before
        values = pair_margins(
            self.model,
            self._parts,
            self._tokenizer,
            level,
            max_tokens=max_tokens,
            prefix=self._prefix,
            normalisation=self._probes_on.normalisation,
        )
        categories = (*self._before.categories, *(pair.category for pair in level))
        return Margins(categories, torch.cat([self._before.values, values]))

    def probe(self, step: int, adapter: Mapping[str, Tensor]) -> tuple[Probe, tuple[CategoryBias, ...]]:
        """Look at an adapter of step ``step``, as a whole and by category; step 0 is the base."""
        now = self.base if step == 0 else self._read(adapter)
        moved = shifts(self._before, now.margins, self._guards.temperature)
        left = remaining(step, self._base_bias, moved, self._loss)
        return probe(step, now, self.base, self._guards, self._level), left

    def _read(self, adapter: Mapping[str, Tensor]) -> Reading:
        own = trainable_state(self.model)
        restore_trainable(self.model, adapter)
        reading = read(self.model, self._parts, self._tokenizer, self._probes_on)
        restore_trainable(self.model, own)
        return reading

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
