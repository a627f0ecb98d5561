"""The trained adapter at any strength, measured as the report will measure it: same functions, same limits.

Training minimises a loss; whether the model is nearer to neutral and still intact is asked here, of pairs and texts
that nothing was trained on, by the functions and the limits of the report's claims (:mod:`counterpoise.measures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import Tensor

from counterpoise.alignment.inputs import GuardTexts, TrainingInputs
from counterpoise.alignment.lora import restore_trainable
from counterpoise.alignment.records import Candidate
from counterpoise.generation.decode import generate
from counterpoise.generation.decoding import Decoding
from counterpoise.generation.prompts import own_prompt
from counterpoise.likelihood.own_text import own_text_divergence
from counterpoise.likelihood.pairs import score_pairs
from counterpoise.likelihood.sentences import SentenceScore, score_sentences
from counterpoise.measures.criteria import limit_of
from counterpoise.measures.erasure import likelihood_measures
from counterpoise.measures.matching import match
from counterpoise.measures.names import LIKELIHOOD, OWN_TEXT_KL, PERPLEXITY, USABLE
from counterpoise.measures.perplexity import perplexity_measure
from counterpoise.measures.texts import usable_measures
from counterpoise.metrics.crows import BiasScore, bias_score, pair_margins
from counterpoise.metrics.intervals import Floats
from counterpoise.models.attention import use_short_attention
from counterpoise.models.fused import ADAPTER, fuse_lora
from counterpoise.models.loading import LoadedModel, adapter_switched
from counterpoise.records import Generation, Pair, Variant

MAX_PERPLEXITY_RISE = limit_of(PERPLEXITY) / 100
MIN_USABLE_RATIO = 1 - limit_of(USABLE) / 100
MAX_OWN_TEXT_KL = limit_of(OWN_TEXT_KL)
MAX_GROUP_FALL = limit_of(LIKELIHOOD)
TEMPERATURE = 0.5
"""Width of the soft score's step from win to loss, nats."""
SAMPLED = Decoding(samples=1, greedy=False)


@dataclass(frozen=True)
class Reading:
    """Raw measurements of one model on the guards' texts.

    Attributes:
        neutral, groups: of each sentence.
        texts: one sampled continuation of each beginning.
    """

    neutral: Sequence[SentenceScore]
    groups: Sequence[SentenceScore]
    texts: Sequence[Generation]


class Evaluator:
    """Measures an adapter at a strength against its base.

    Args:
        loaded: a copy of the base at the precision that it is judged in.
        lora: the shape of the adapter.
        inputs: the validation and calibration pairs, the guards' texts, and how sentences are scored.
        seed: of the sampled continuations.
        before_each: called before each measurement; it may raise to end the search.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        lora: LoraConfig,
        inputs: TrainingInputs,
        seed: int,
        before_each: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_each = before_each
        self._loaded, self._inputs, self._seed = _with_lora(loaded, lora), inputs, seed
        self._texts: GuardTexts = inputs.guard_texts
        known = [*inputs.validation, *inputs.calibration_pairs]
        scores = score_pairs(self._loaded, known, "base", prefix=inputs.prefix)
        self.base: BiasScore = bias_score(known, scores, inputs.normalisation)
        """The base's score over every pair outside the evaluated fold."""
        self._before = pair_margins(inputs.validation, scores[: len(inputs.validation)], inputs.normalisation)

    @property
    def model(self) -> Any:
        """The ``PeftModel`` that is measured."""
        return self._loaded.model

    def use(self, adapter: Mapping[str, Tensor]) -> None:
        """Measure this adapter from now on."""
        restore_trainable(self._loaded.model, adapter)

    def score(self, strength: float) -> Candidate:
        """The validation score at a strength; no guard is asked yet."""
        self._before_each()
        now = self._margins(strength)
        moved = _soft_score(now) - _soft_score(self._before)
        return Candidate(
            strength=strength,
            score=100 * float((now > 0).mean()),
            soft_score=self.base.overall + moved,
            mean_abs_margin=float(np.abs(now).mean()),
        )

    def guarded(self, candidate: Candidate) -> Candidate:
        """The candidate with what the guards measure, and the first guard that it fails."""
        self._before_each()
        set_strength(self._loaded.model, candidate.strength)
        base, now = self._base_reading, self._read(on=True)
        tokens = [row.tokens for row in base.neutral]
        perplexity = perplexity_measure(_sums(base.neutral), _sums(now.neutral), tokens)
        lowest, change = self._lowest_group(base, now)
        usable, highest = self._usable(base, now)
        measured = replace(
            candidate,
            perplexity_rise=perplexity.change / 100,
            own_text_kl=own_text_divergence(self._loaded, self._texts.own) if self._texts.own else None,
            usable_ratio=usable,
            usable_ratio_high=highest,
            lowest_group=lowest,
            lowest_group_change=change,
        )
        return replace(measured, failed_guard=failed_guard(measured))

    def _margins(self, strength: float) -> Floats:
        if strength == 0:
            return self._before
        set_strength(self._loaded.model, strength)
        pairs: Sequence[Pair] = self._inputs.validation
        scores = score_pairs(self._loaded, pairs, "tuned", prefix=self._inputs.prefix)
        return pair_margins(pairs, scores, self._inputs.normalisation)

    @cached_property
    def _base_reading(self) -> Reading:
        return self._read(on=False)

    def _read(self, *, on: bool) -> Reading:
        texts, prefix = self._texts, self._inputs.prefix
        with adapter_switched(self._loaded, on):
            return Reading(
                neutral=score_sentences(self._loaded, texts.neutral, prefix=prefix),
                groups=score_sentences(self._loaded, [text for _, text in texts.groups], prefix=prefix),
                texts=self._continued("tuned" if on else "base"),
            )

    def _continued(self, variant: Variant) -> Sequence[Generation]:
        prompts = [own_prompt(text, "guard") for text in self._texts.beginnings]
        return generate(self._loaded, prompts, SAMPLED, seed=self._seed, variant=variant)

    def _usable(self, base: Reading, now: Reading) -> tuple[float | None, float | None]:
        """The usable share of the base's and the upper end of its interval; None where nothing is continued."""
        if not base.texts:
            return None, None
        _, usable = usable_measures(match([*base.texts, *now.texts]), seed=self._seed)
        if not usable.base or usable.interval is None:
            return None, None
        return usable.tuned / usable.base, 1 + usable.interval[1] / usable.base

    def _lowest_group(self, base: Reading, now: Reading) -> tuple[str, float | None]:
        names = [group for group, _ in self._texts.groups]
        if not names:
            return "", None
        tokens = [row.tokens for row in base.groups]
        shifts = likelihood_measures(names, _sums(base.groups), _sums(now.groups), tokens)
        lowest = min(shifts, key=lambda shift: (shift.change, shift.group))
        return lowest.group, lowest.change


def failed_guard(found: Candidate) -> str:
    """The first limit that a measured candidate breaks, in words; negated comparisons, so that NaN fails too."""
    if found.perplexity_rise is not None and not found.perplexity_rise <= MAX_PERPLEXITY_RISE:
        return f"neutral perplexity rose by {found.perplexity_rise:.1%} (limit {MAX_PERPLEXITY_RISE:.0%})"
    if found.own_text_kl is not None and not found.own_text_kl <= MAX_OWN_TEXT_KL:
        return (
            f"{found.own_text_kl:.3f} nats a token from the base on its own text (limit {MAX_OWN_TEXT_KL:g})"
        )
    usable, highest = found.usable_ratio, found.usable_ratio_high
    # As the claim: over the limit, and beyond chance. A few hundred texts scatter by more than the limit.
    if usable is not None and highest is not None and not (usable >= MIN_USABLE_RATIO or highest >= 1):
        return (
            f"usable sampled text is {usable:.1%} of the base's, beyond chance (limit {MIN_USABLE_RATIO:.0%})"
        )
    behind = found.lowest_group_change
    if behind is not None and not -behind <= MAX_GROUP_FALL:
        limit = f"limit {MAX_GROUP_FALL:g}"
        return f"sentences about {found.lowest_group} fell by {-behind:.3f} nats a token against all groups' ({limit})"
    return ""


def set_strength(model: Any, strength: float) -> None:
    """Multiply LoRA's scale, alpha / rank, by ``strength`` in every layer of a ``PeftModel``."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and ADAPTER in module.scaling:
            module.scaling[ADAPTER] = module.lora_alpha[ADAPTER] / module.r[ADAPTER] * strength


def _soft_score(margins: Floats) -> float:
    """100 × mean sigmoid(margin / temperature), percent: a score whose steps are as wide as the noise of a margin."""
    return 100 * float(torch.sigmoid(torch.from_numpy(margins) / TEMPERATURE).mean())


def _sums(rows: Sequence[SentenceScore]) -> list[float]:
    return [row.sum_log_prob for row in rows]


def _with_lora(loaded: LoadedModel, lora: LoraConfig) -> LoadedModel:
    """A base with an adapter of this shape; draws no random number of the run's."""
    if loaded.has_adapter:
        return loaded
    use_short_attention(loaded.model)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        model = get_peft_model(loaded.model, lora)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    fuse_lora(model, hold_weights=False)
    model.eval()
    return replace(loaded, model=model)
