"""What is measured while training: bias on validation pairs, perplexity of neutral text, usable output."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from counterpoise.alignment.batches import (
    EncodedPair,
    TokenBatch,
    encode_validation,
    pair_batch,
    pair_groups,
    text_batches,
)
from counterpoise.alignment.config import GuardSettings
from counterpoise.alignment.records import Probe
from counterpoise.alignment.scoring import Decoder, sequence_log_probs
from counterpoise.alignment.steering import score, soft_score
from counterpoise.alignment.tree_batches import tree_batches
from counterpoise.errors import DataError
from counterpoise.likelihood.encoding import prefix_ids
from counterpoise.likelihood.sentences import shares_prefixes
from counterpoise.records import Normalisation, Pair

ROWS = 32
PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 16, 4, 24


@dataclass(frozen=True)
class ProbeSet:
    """Everything a probe measures on, encoded once."""

    pairs: tuple[TokenBatch, ...]
    texts: tuple[TokenBatch, ...]
    prompts: Tensor
    groups: tuple[TokenBatch, ...] = ()
    normalisation: Normalisation = "sum"


@dataclass(frozen=True, slots=True)
class Reading:
    """Raw measurements of one model state; a :class:`Probe` compares two of them.

    Attributes:
        less, more: summed log-probabilities of each validation pair's sentences, ``[pairs]``, nats.
        tokens_less, tokens_more: their lengths, ``[pairs]``.
        perplexity: of the neutral texts, per token.
        usable_text: share of greedy continuations that read as text.
        groups: of the sentences about each group: summed log-probability, nats, and tokens.
        normalisation: whether sentences are compared by sums or by means over their tokens.
    """

    less: Tensor
    more: Tensor
    tokens_less: Tensor
    tokens_more: Tensor
    perplexity: float
    usable_text: float
    groups: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    normalisation: Normalisation = "sum"

    @property
    def margins(self) -> Tensor:
        """log p(more) − log p(less), ``[pairs]``, nats, or nats per token."""
        if self.normalisation == "mean":
            return self.more / self.tokens_more - self.less / self.tokens_less
        return self.more - self.less


def probe_set(
    pairs: Sequence[Pair],
    texts: Sequence[str],
    tokenizer: Any,
    *,
    max_tokens: int,
    share: bool = False,
    group_texts: Sequence[tuple[str, str]] = (),
    prefix: str = "bos",
    normalisation: Normalisation = "sum",
) -> ProbeSet:
    """Encode what every probe will measure on.

    The continuations start from the first tokens of the validation sentences, all equally long, so that
    greedy decoding needs no padding.

    Args:
        group_texts: a group and a neutral sentence about it, each.
        share: the model can read prefix trees (:func:`counterpoise.likelihood.sentences.shares_prefixes`).
        prefix: what stands before each sentence (:func:`counterpoise.likelihood.encoding.prefix_ids`).

    Raises:
        DataError: there are no validation pairs or no neutral texts.
    """
    if not pairs or not any(text.strip() for text in texts):
        raise DataError(
            f"the guards need validation pairs and neutral texts; got {len(pairs)} and {len(texts)}",
            "hold out validation pairs and pass neutral sentences",
        )
    encoded = encode_validation(pairs, tokenizer, max_tokens=max_tokens, prefix=prefix)
    return ProbeSet(
        pairs=tuple(_batches(encoded, share=share)),
        texts=tuple(text_batches(texts, tokenizer, max_tokens=max_tokens, rows=ROWS, prefix=prefix)),
        groups=tuple(
            text_batches(
                [text for _, text in group_texts],
                tokenizer,
                max_tokens=max_tokens,
                rows=ROWS,
                names=[group for group, _ in group_texts],
                prefix=prefix,
            )
        ),
        prompts=_prompts(encoded, prefix_ids(tokenizer, prefix)),
        normalisation=normalisation,
    )


@torch.no_grad()
def read(model: Any, parts: Decoder, tokenizer: Any, probes: ProbeSet) -> Reading:
    """Measure the model as it is now; it is left in the mode it was in, and no random number is drawn."""
    training = model.training
    model.eval()
    less, more = _pair_log_probs(parts, probes.pairs)
    counts = [batch.counts.chunk(2) for batch in probes.pairs]
    reading = Reading(
        less=less,
        more=more,
        tokens_less=torch.cat([tokens[0] for tokens in counts]),
        tokens_more=torch.cat([tokens[1] for tokens in counts]),
        perplexity=_perplexity(parts, probes.texts),
        usable_text=_usable_share(model, parts, tokenizer, probes.prompts),
        groups=_group_log_probs(parts, probes.groups),
        normalisation=probes.normalisation,
    )
    model.train(training)
    return reading


@torch.no_grad()
def pair_margins(
    model: Any,
    parts: Decoder,
    tokenizer: Any,
    pairs: Sequence[Pair],
    *,
    max_tokens: int,
    prefix: str = "bos",
    normalisation: Normalisation = "sum",
) -> Tensor:
    """log p(more) − log p(less) of ``pairs`` in their order, ``[pairs]``, nats, or nats per token."""
    training = model.training
    model.eval()
    encoded = encode_validation(pairs, tokenizer, max_tokens=max_tokens, prefix=prefix)
    batches = _batches(encoded, share=shares_prefixes(model, max_tokens))
    less, more = _pair_log_probs(parts, batches)
    model.train(training)
    if normalisation == "mean":
        counts = [batch.counts.chunk(2) for batch in batches]
        less, more = (
            less / torch.cat([low for low, _ in counts]),
            more / torch.cat([high for _, high in counts]),
        )
    place = {pair.pair_id: index for index, pair in enumerate(pairs)}
    result = torch.empty(len(pairs))
    result[[place[int(name)] for batch in batches for name in batch.names]] = more - less
    return result


def probe(
    step: int, now: Reading, base: Reading, settings: GuardSettings, level: float | None = None
) -> Probe:
    """Compare a reading with the base's and let the guards judge it.

    Args:
        level: the base's score over all pairs outside the evaluated fold, percent; default: on the validation
            pairs. Training cannot have touched the base, so all these pairs may tell where it stands; the
            validation pairs tell only how far the adapter moved it, a paired difference with much less noise
            than their own level.
    """
    margin = now.margins
    moved = soft_score(margin, settings.temperature) - soft_score(base.margins, settings.temperature)
    lowest, change = _lowest(now, base)
    result = Probe(
        step=step,
        score=score(margin),
        ties=int((margin == 0).sum()),
        soft_score=(score(base.margins) if level is None else level) + moved,
        mean_margin=float(margin.mean()),
        mean_abs_margin=float(margin.abs().mean()),
        less_change=float(((now.less - base.less) / now.tokens_less).mean()),
        more_change=float(((now.more - base.more) / now.tokens_more).mean()),
        perplexity=now.perplexity,
        perplexity_rise=now.perplexity / base.perplexity - 1,
        usable_text=now.usable_text,
        lowest_group=lowest,
        lowest_group_change=change,
    )
    return replace(result, complaint=_complaint(result, base, settings))


def _batches(pairs: Sequence[EncodedPair], *, share: bool) -> list[TokenBatch]:
    return tree_batches(pairs) if share else list(map(pair_batch, pair_groups(pairs, ROWS // 2, seed=0)))


def _pair_log_probs(parts: Decoder, batches: Sequence[TokenBatch]) -> tuple[Tensor, Tensor]:
    """Summed log-probabilities of the less and of the more stereotyping sentences, each ``[pairs]``, nats."""
    sums = [sequence_log_probs(parts, batch.to(parts.device)).cpu().chunk(2) for batch in batches]
    return torch.cat([less for less, _ in sums]), torch.cat([more for _, more in sums])


def _complaint(result: Probe, base: Reading, settings: GuardSettings) -> str:
    """The first guard that the probe fails, in words; negated comparisons so that NaN fails too."""
    if not result.perplexity_rise <= settings.max_perplexity_rise:
        limit = f"{settings.max_perplexity_rise:.1%}"
        return f"neutral perplexity rose by {result.perplexity_rise:.1%} (limit {limit})"
    fall = -min(result.less_change, result.more_change)
    if not fall <= settings.max_fall:
        return f"sentence log-probability fell by {fall:.3f} nats/token (limit {settings.max_fall:g})"
    drop = base.usable_text - result.usable_text
    if not drop <= settings.max_usable_drop:
        return f"usable text dropped by {drop:.0%} (limit {settings.max_usable_drop:.0%})"
    behind = -result.lowest_group_change
    if not behind <= settings.max_group_fall:
        limit = f"limit {settings.max_group_fall:g}"
        return f"sentences about {result.lowest_group} fell by {behind:.3f} nats/token against all groups' ({limit})"
    return ""


def _lowest(now: Reading, base: Reading) -> tuple[str, float]:
    """The group whose sentences fell most against those of all groups, and by how much, nats per token.

    The erasure audit's measure (:func:`counterpoise.metrics.erasure.neutral_shifts`); no group and 0 where none is
    watched.
    """
    changes = {name: (value - base.groups[name][0], tokens) for name, (value, tokens) in now.groups.items()}
    if not changes:
        return "", 0.0
    total, size = map(sum, zip(*changes.values(), strict=True))
    behind = {name: change / tokens - total / size for name, (change, tokens) in changes.items()}
    lowest = min(behind, key=lambda name: (behind[name], name))
    return lowest, behind[lowest]


def usable(text: str) -> bool:
    """Whether a short continuation reads as text: words, mostly letters, and not one phrase over and over.

    At least five words; letters make up three fifths of the non-space characters; at least half of the word
    pairs are distinct (distinct-2, Li et al. 2016). Text such as "and the 11, a 11, and a 11" fails.
    """
    words = text.split()
    solid = "".join(words)
    if len(words) < 5 or len(re.findall(r"[^\W\d_]", solid)) < 0.6 * len(solid):
        return False
    pairs = list(itertools.pairwise(words))
    return len(set(pairs)) >= 0.5 * len(pairs)


def _perplexity(parts: Decoder, batches: Sequence[TokenBatch]) -> float:
    total = sum(float(sequence_log_probs(parts, batch.to(parts.device)).double().sum()) for batch in batches)
    tokens = sum(int(batch.counts.sum()) for batch in batches)
    return math.exp(min(-total / tokens, 700.0)) if math.isfinite(total) else math.inf


def _group_log_probs(parts: Decoder, batches: Sequence[TokenBatch]) -> dict[str, tuple[float, int]]:
    found: dict[str, tuple[float, int]] = {}
    for batch in batches:
        sums = sequence_log_probs(parts, batch.to(parts.device)).tolist()
        for name, value, tokens in zip(batch.names, sums, batch.counts.tolist(), strict=True):
            before, size = found.get(name, (0.0, 0))
            found[name] = before + value, size + tokens
    return found


def _prompts(pairs: Sequence[EncodedPair], prefix: Sequence[int]) -> Tensor:
    """``[prompts, tokens]``: distinct beginnings of the less stereotyping sentences, in order."""
    starts = dict.fromkeys(pair.chosen[:PROMPT_TOKENS] for pair in pairs if len(pair.chosen) > PROMPT_TOKENS)
    rows = list(starts)[:PROMPTS] or [pairs[0].chosen[:1]]
    return torch.tensor([[*prefix, *row] for row in rows])


def _usable_share(model: Any, parts: Decoder, tokenizer: Any, prompts: Tensor) -> float:
    ids = prompts.to(parts.device)
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
    )
    texts = tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
    return sum(map(usable, texts)) / len(texts)
