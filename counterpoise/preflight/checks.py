"""One finding for each thing that would otherwise fail, or go wrong in silence, minutes later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from counterpoise.alignment.config import LoraSettings
from counterpoise.alignment.lora import resolve_targets
from counterpoise.errors import CounterpoiseError, ModelError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import prompt_ids
from counterpoise.likelihood.budget import TOKEN_BUDGET
from counterpoise.likelihood.encoding import Encoded, encode, prefix_ids
from counterpoise.likelihood.fast_path import fast_path, positions
from counterpoise.likelihood.forward import causal_of, embeddings
from counterpoise.models.loading import LoadedModel
from counterpoise.pairs.cut import CutPairs

TRAINING = "training"
CUT = "cut"
NO_PAIR_CUT = "no pair is equal when cut"
SAMPLE = "The clerk who answered the telephone was polite."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether the model can do what is asked.
        detail: what was found.
        remedy: what to do, where it is not ok.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What is asked of a model.

    Attributes:
        prefix: what stands before each scored sentence.
        scored: texts that are scored whole, each with where it comes from.
        continued: contexts and continuations that are scored, each with where it comes from.
        trained: texts that training reads, cut to ``max_tokens``.
        pairs: the number and the two sentences of each pair.
        max_tokens, append_eos: as in ``alignment``.
        lora: the adapter to train; None where none is.
        prompts: prompts to continue.
        generation: how prompts are continued.
    """

    prefix: str = "bos"
    scored: Sequence[tuple[str, str]] = ((SAMPLE, "a sentence"),)
    continued: Sequence[tuple[tuple[str, str], str]] = ()
    trained: Sequence[str] = ()
    pairs: Sequence[tuple[int, str, str]] = ()
    max_tokens: int = 256
    append_eos: bool = False
    lora: LoraSettings | None = None
    prompts: Sequence[str] = ()
    generation: GenerationConfig | None = None


def examine(loaded: LoadedModel, needs: Needs) -> list[Finding]:
    """Every finding about ``loaded``; none of them raises."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("prefix", lambda: _prefix(loaded, needs)),
        ("vocabulary", lambda: _vocabulary(loaded, needs)),
        ("positions", lambda: _positions(loaded, needs)),
        (CUT, lambda: _cut(loaded, needs)),
        ("prompts", lambda: _prompts(loaded, needs)),
        ("reading", lambda: str(fast_path(loaded.model))),
        ("memory", lambda: _memory(loaded, needs)),
    ]
    if needs.lora is not None:
        checks.append(("adapter", lambda: _adapter(loaded.model, needs)))
    return [_finding(name, check) for name, check in checks]


def require(findings: Iterable[Finding], what: str) -> None:
    """Raise :class:`ModelError` with everything that is not ok, on one line."""
    wrong = [finding for finding in findings if not finding.ok]
    if wrong:
        remedies = dict.fromkeys(finding.remedy for finding in wrong if finding.remedy)
        raise ModelError(f"{what}: {'; '.join(finding.detail for finding in wrong)}", "; ".join(remedies))


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        found = Finding(name, True, check())
    except CounterpoiseError as error:
        found = Finding(name, False, error.message, error.remedy)
    return found


def _prefix(loaded: LoadedModel, needs: Needs) -> str:
    tokenizer = loaded.tokenizer
    try:
        ids = prefix_ids(tokenizer, needs.prefix)
    except ModelError as error:
        remedy = error.remedy.replace("use prefix", "set scoring.prefix to")
        raise ModelError(f"scoring.prefix = {needs.prefix}: {error.message}", remedy) from None
    if needs.append_eos and tokenizer.eos_token_id is None:
        raise ModelError("the tokenizer has no EOS token", "set alignment.loss.append_eos = false")
    shown = f"{tokenizer.convert_ids_to_tokens(ids[0])!r}, id {ids[0]}" if ids else "nothing"
    return f"{needs.prefix}: {shown} before each sentence"


def _vocabulary(loaded: LoadedModel, needs: Needs) -> str:
    rows = embeddings(loaded.model)
    for encoded, (text, where) in _encoded(loaded, needs):
        beyond = [token for token in encoded.ids if token >= rows]
        if beyond:
            raise ModelError(
                f"token {beyond[0]} of {text[:40]!r} ({where}) has no embedding: the model has {rows:,}",
                "give the tokenizer the model came with",
            )
    return f"{len(loaded.tokenizer):,} tokens, {rows:,} embeddings"


def _positions(loaded: LoadedModel, needs: Needs) -> str:
    limit = positions(loaded.model)
    longest, text, where = max(_lengths(loaded, needs), default=(0, "", ""))
    if limit is not None and longest > limit:
        lower = f", or alignment.optimisation.max_tokens = {limit}" if where == TRAINING else ""
        raise ModelError(
            f"{text[:40]!r} ({where}) has {longest} tokens and the model {limit} positions",
            f"give a model with more positions, or shorter texts{lower}",
        )
    return f"the longest text has {longest} tokens, the model {'any number of' if limit is None else limit} positions"


def _lengths(loaded: LoadedModel, needs: Needs) -> Iterator[tuple[int, str, str]]:
    """Tokens that the model must read, of every text; training reads a sentence's last token as well."""
    for encoded, (text, where) in _encoded(loaded, needs):
        yield len(encoded.ids) - 1, text, where
    for encoded, text in zip(_encode(loaded, needs.trained, needs.prefix), needs.trained, strict=False):
        yield min(len(encoded.ids) + int(needs.append_eos), needs.max_tokens), text, TRAINING


def _encoded(loaded: LoadedModel, needs: Needs) -> Iterator[tuple[Encoded, tuple[str, str]]]:
    """The scored texts, each with where it comes from; none without a prefix, which is a finding of its own."""
    whole = _encode(loaded, [text for text, _ in needs.scored], needs.prefix)
    yield from zip(whole, needs.scored, strict=False)
    texts = [(context + rest, where) for (context, rest), where in needs.continued]
    parts = _encode(loaded, [text for text, _ in texts], needs.prefix)
    yield from zip(parts, texts, strict=False)


def _encode(loaded: LoadedModel, texts: Sequence[str], prefix: str) -> list[Encoded]:
    try:
        return encode(loaded.tokenizer, texts, prefix)
    except ModelError:
        return []


def _cut(loaded: LoadedModel, needs: Needs) -> str:
    """Which pairs are one and the same to training, or to any reading: they are told, and never tie in silence."""
    cut = cut_pairs(loaded, needs)
    equal, same = cut.equal, cut.same
    limit = f"{needs.max_tokens} tokens (alignment.optimisation.max_tokens)"
    if equal and len(equal) + len(same) == len(needs.pairs):
        raise ModelError(
            f"all {len(needs.pairs)} pairs are equal in their first {limit}",
            f"give more than {needs.max_tokens}",
        )
    told = []
    if equal:
        told.append(
            f"{len(equal)} of {len(needs.pairs)} pairs are equal in their first {limit}: {_some(equal)}; training "
            "leaves them out, validation and scores read them whole"
        )
    if same:
        told.append(
            f"{len(same)} of {len(needs.pairs)} pairs are the same tokens on both sides, and tie in every score: "
            f"{_some(same)}"
        )
    return "; ".join(told) or NO_PAIR_CUT


def cut_pairs(loaded: LoadedModel, needs: Needs) -> CutPairs:
    """The pairs whose two sentences are the same tokens, cut as training cuts them or whole."""
    end = [loaded.tokenizer.eos_token_id] if needs.append_eos else []
    first = _encode(loaded, [more for _, more, _ in needs.pairs], needs.prefix)
    second = _encode(loaded, [less for _, _, less in needs.pairs], needs.prefix)
    equal, same = [], []
    for (number, _, _), one, other in zip(needs.pairs, first, second, strict=False):
        if one.ids == other.ids:
            same.append(number)
        elif [*one.ids, *end][: needs.max_tokens] == [*other.ids, *end][: needs.max_tokens]:
            equal.append(number)
    return CutPairs(needs.max_tokens, tuple(equal), tuple(same))


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")


def _prompts(loaded: LoadedModel, needs: Needs) -> str:
    if not needs.prompts:
        return "none"
    config, limit = needs.generation or GenerationConfig(), positions(loaded.model)
    longest, text = max((len(prompt_ids(loaded.tokenizer, text, config)), text) for text in needs.prompts)
    if limit is not None and longest + config.max_new_tokens > limit:
        raise ModelError(
            f"the prompt {text[:40]!r} has {longest} tokens and may grow by {config.max_new_tokens}, "
            f"the model has {limit} positions",
            "lower generation.max_new_tokens",
        )
    return f"the longest has {longest} tokens and may grow by {config.max_new_tokens}"


def _memory(loaded: LoadedModel, needs: Needs) -> str:
    """A lower bound: weights, in training a copy of the 4-bit ones in bf16 as well, and one batch's logits."""
    values = list(loaded.model.parameters())
    size = sum(value.numel() * value.element_size() for value in values)
    held = sum(4 * value.numel() for value in values if value.dtype == torch.uint8) if needs.lora else 0
    logits = 4 * embeddings(loaded.model) * TOKEN_BUDGET
    total = _device_memory(loaded.device)
    least = size + held + logits
    shown = f"at least {least / 1e9:.2f} GB of {total / 1e9:.1f} GB on {loaded.device.type}"
    if least > total:
        raise ModelError(f"it takes {shown}", "use nf4, a smaller model or a larger machine")
    return shown


def _device_memory(device: torch.device) -> int:
    """All memory of a GPU, or of the machine, bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _adapter(model: Any, needs: Needs) -> str:
    causal, lora = causal_of(model), needs.lora
    assert lora is not None
    targets = resolve_targets(causal, lora)
    if not targets:
        raise ModelError(
            f"{type(causal).__name__} has no linear layer for an adapter to sit on", "use another model"
        )
    if lora.skip_layers and getattr(causal.config, "num_hidden_layers", None) is None:
        raise ModelError(
            f"the configuration of {type(causal).__name__} names no number of layers",
            "set alignment.lora.skip_layers = 0",
        )
    if fast_path(model, needs.max_tokens).way.rows not in ("trees", "padded"):
        raise ModelError(
            f"{type(causal).__name__} gives other log-probabilities in a padded batch, so it cannot be trained in one",
            "score it with `counterpoise score MODEL`, or give another model",
        )
    return f"on {', '.join(targets)}"
