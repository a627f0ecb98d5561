"""Continuations of prompts by a causal model, with draws that belong to the prompt and not to its batch.

Sampling is by inversion: continuation ``sample`` of a template uses one stream of uniform numbers, seeded by
(seed, template, sample), one number a token. The stream is the same for base and tuned and for every identity
group of the template (common random numbers), so their differences come from the weights and from the
identity term. It does not depend on batch size, order, sharding or the device.

The logits' last bits do depend on the batch: a batched matrix product rounds differently from a single one,
and left padding shifts it. In fp32 that is invisible; in bf16 and NF4 it turns near-ties within a few dozen
tokens, so another batch size gives another, equally valid, set of continuations. The same batches give the
same bytes: work that is divided to survive a kill must be divided along :func:`plan_batches`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import GenerationConfig as DecodingConfig
from transformers import LogitsProcessorList

from counterpoise.errors import UsageError
from counterpoise.generation.nucleus import NucleusByInversion
from counterpoise.generation.prompts import Prompt
from counterpoise.memory import in_halves
from counterpoise.models.abreast import abreast
from counterpoise.models.inspection import usable_positions
from counterpoise.records import Generation, Progress, Variant, silent

if TYPE_CHECKING:
    from counterpoise.generation.config import GenerationConfig
    from counterpoise.generation.decoding import Decoding
    from counterpoise.models.loading import LoadedModel


@dataclass(frozen=True, slots=True)
class Request:
    """One continuation to make.

    Attributes:
        index: its place in the result.
        ids: the prompt's tokens, prefix included.
        sample: index of the sample for this prompt, from 0.
        greedy: whether it takes the most probable token each time.
    """

    index: int
    prompt: Prompt
    ids: tuple[int, ...]
    sample: int
    greedy: bool


Batch = tuple[Request, ...]


def generate(
    loaded: LoadedModel,
    prompts: Sequence[Prompt],
    config: GenerationConfig | Decoding,
    *,
    seed: int,
    variant: Variant,
    progress: Progress = silent,
) -> list[Generation]:
    """Continues every prompt ``config.samples_per_prompt`` times, in the order of ``prompts``, then of
    samples.

    The continuation stops before the first special token or after ``config.max_new_tokens``. The model is
    used as it stands: switching its adapter is the caller's.

    Args:
        loaded: model and tokenizer, on their device.
        variant: what the records are called.
        progress: called with continuations done and in all.

    Raises:
        UsageError: a prompt without any token, or too long for the model's context.
    """
    batches = plan_batches(loaded, prompts, config)
    total = sum(map(len, batches))
    made: list[list[Generation]] = []
    progress(0, total)
    one = partial(generate_batch, loaded, config=config, seed=seed, variant=variant)
    with closing(abreast(loaded.model, one, batches)) as continued:
        for rows in continued:
            made.append(rows)
            progress(sum(map(len, made)), total)
    return in_order(batches, made)


def plan_batches(
    loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig | Decoding
) -> list[Batch]:
    """Every continuation to make, in batches of similar prompt length, the longest first.

    Sorting keeps padding small; longest first shows at once whether memory suffices. Where there are several batches,
    greedy continuations have their own: they need no sampling. The batches depend on the prompts, the tokenizer and the
    config alone.

    Raises:
        UsageError: as :func:`generate`.
    """
    requests = _requests(loaded, prompts, config)
    several = len(requests) > config.batch_size
    kinds = (
        [[row for row in requests if row.greedy is greedy] for greedy in (True, False)]
        if several
        else [requests]
    )
    return [batch for kind in kinds for batch in _by_length(kind, config.batch_size)]


def _by_length(requests: Sequence[Request], size: int) -> Iterator[Batch]:
    ordered = sorted(requests, key=lambda request: (-len(request.ids), request.index))
    yield from (tuple(ordered[start : start + size]) for start in range(0, len(ordered), size))


def generate_batch(
    loaded: LoadedModel, batch: Batch, config: GenerationConfig | Decoding, *, seed: int, variant: Variant
) -> list[Generation]:
    """The continuations of one batch, in its order; halved, down to one, when the memory is full."""
    decoded = decode_batch(loaded, batch, config, seed=seed)
    return [
        _record(loaded.tokenizer, request, ids, variant) for request, ids in zip(batch, decoded, strict=True)
    ]


def decode_batch(
    loaded: LoadedModel, batch: Batch, config: GenerationConfig | Decoding, *, seed: int
) -> list[list[int]]:
    """The new tokens of each request, in the batch's order; as :func:`generate_batch`."""
    return in_halves(batch, lambda part: _decode(loaded, part, config, seed))


def continuation(tokenizer: Any, prompt: Sequence[int], ids: Sequence[int]) -> str:
    """The new text alone, decoded with its prompt: some tokenizers drop the space before a first word."""
    before, whole = (
        str(tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))
        for tokens in (prompt, [*prompt, *ids])
    )
    return whole[len(before) :]


def in_order(batches: Sequence[Batch], made: Iterable[Sequence[Generation]]) -> list[Generation]:
    """The batches' continuations in the order of the prompts, then of samples."""
    found = {
        request.index: generation
        for batch, generations in zip(batches, made, strict=True)
        for request, generation in zip(batch, generations, strict=True)
    }
    return [found[index] for index in range(len(found))]


def _requests(
    loaded: LoadedModel, prompts: Sequence[Prompt], config: GenerationConfig | Decoding
) -> list[Request]:
    limit = usable_positions(loaded.model)
    requests: list[Request] = []
    for prompt in prompts:
        ids = prompt_ids(loaded.tokenizer, prompt.text, config)
        if limit is not None and len(ids) + config.max_new_tokens > limit:
            raise UsageError(
                f"prompt {prompt.prompt_id!r} has {len(ids)} tokens and may grow by {config.max_new_tokens}, "
                f"but the model's context is {limit}",
                "shorten the prompt or lower generation.max_new_tokens",
            )
        requests += [
            Request(len(requests) + sample, prompt, ids, sample, config.greedy and sample == 0)
            for sample in range(config.samples_per_prompt)
        ]
    return requests


def prompt_ids(tokenizer: Any, text: str, config: GenerationConfig | Decoding) -> tuple[int, ...]:
    """The tokens a prompt becomes, prefix included.

    Raises:
        UsageError: no token at all, or a BOS prefix that the tokenizer doesn't have.
    """
    ids = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    if config.prefix == "tokenizer":
        # What it puts behind the text, an EOS for one, would end what is to be continued.
        whole = tuple(tokenizer(text)["input_ids"])
        start = next((at for at in range(len(whole)) if whole[at : at + len(ids)] == ids), None)
        ids = whole if start is None else whole[: start + len(ids)]
    if config.prefix == "bos":
        if tokenizer.bos_token_id is None:
            raise UsageError(
                "the tokenizer has no BOS token", "set generation.prefix to 'tokenizer' or 'none'"
            )
        ids = (tokenizer.bos_token_id, *ids)
    if not ids:
        raise UsageError(f"the prompt {text!r} has no token", "give the model something to continue")
    return ids


@torch.inference_mode()
def _decode(
    loaded: LoadedModel, batch: Sequence[Request], config: GenerationConfig | Decoding, seed: int
) -> list[list[int]]:
    """The new tokens of each request, cut before the first stop token."""
    stop, pad = stop_ids(loaded.tokenizer, loaded.model)
    width = max(len(request.ids) for request in batch)
    ids = torch.tensor([[pad] * (width - len(request.ids)) + list(request.ids) for request in batch])
    mask = torch.tensor([[0] * (width - len(request.ids)) + [1] * len(request.ids) for request in batch])
    choosers = LogitsProcessorList()
    if not all(request.greedy for request in batch):
        draws = torch.from_numpy(np.stack([_draws(request, config, seed) for request in batch]))
        choosers.append(
            NucleusByInversion(draws.to(loaded.device), width, config.temperature, config.top_p, config.top_k)
        )
    output = loaded.model.generate(
        input_ids=ids.to(loaded.device),
        attention_mask=mask.to(loaded.device),
        generation_config=_decoding(config, stop, pad),
        logits_processor=choosers,
    )
    return [_until_stop(row, stop) for row in output[:, width:].tolist()]


def stop_ids(tokenizer: Any, model: Any) -> tuple[list[int], int]:
    """The tokens that end a continuation (every special one) and the one to pad with."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    extra = configured if isinstance(configured, list) else [configured]
    stop = sorted({*tokenizer.all_special_ids, *(token for token in extra if token is not None)})
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(stop), 0)
    return stop, pad


def _decoding(config: GenerationConfig | Decoding, stop: list[int], pad: int) -> DecodingConfig:
    """Plain decoding: a repetition penalty or the like from the model's folder would hide damage."""
    return DecodingConfig(
        max_new_tokens=config.max_new_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        use_cache=True,
        eos_token_id=stop or None,
        pad_token_id=pad,
    )


def _draws(
    request: Request, config: GenerationConfig | Decoding, seed: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Uniform numbers ``[max_new_tokens]`` of one continuation; 0 (the most probable token) if greedy."""
    if request.greedy:
        return np.zeros(config.max_new_tokens)
    name = f"{seed}\0{request.prompt.template}\0{request.sample - int(config.greedy)}"
    stream = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    return np.random.default_rng(stream).random(config.max_new_tokens)


def _until_stop(ids: list[int], stop: Sequence[int]) -> list[int]:
    end = next((position for position, token in enumerate(ids) if token in stop), len(ids))
    return ids[:end]


def _record(tokenizer: Any, request: Request, ids: Sequence[int], variant: Variant) -> Generation:
    prompt = request.prompt
    return Generation(
        prompt_id=prompt.prompt_id,
        group=prompt.group,
        axis=prompt.axis,
        variant=variant,
        sample=request.sample,
        prompt=prompt.text,
        text=continuation(tokenizer, request.ids, ids),
        tokens=len(ids),
    )
