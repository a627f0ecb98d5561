"""Which fast way of reading a model gives the model's own numbers: found by trying, in fp32 and strictly.

A configuration does not tell: a sliding window, a scale on the logits or an alibi slope may have any name. So
every way is compared, token by token, with the model's own forward pass over a few sequences, and the fastest that
agrees is used for texts up to the length that was tried. A longer text has it tried again at its length, so a
window longer than every text needs no name either.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from counterpoise.errors import ModelError
from counterpoise.likelihood.forward import (
    PLAIN,
    WAYS,
    Way,
    batch_log_probs,
    causal_of,
    embeddings,
    has_bare_head,
    own_logits,
    planned,
)
from counterpoise.likelihood.trees import Ids
from counterpoise.models.attention import own_attention
from counterpoise.models.exact import in_fp32
from counterpoise.models.inspection import usable_positions

SHORTEST = 128
"""Input tokens of the longest sequence tried at first; longer texts double it."""
TOLERANCE = 2e-4
"""Nats a token. In fp32 two ways through a model of 135M parameters differ by 3e-5 at most."""
BUDGET = 4096

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about a model.

    Attributes:
        way: the fastest way that agrees.
        longest: input tokens of the longest sequence that it was tried on.
        rejected: ways that are faster and do not agree, with the largest difference of a token, nats; infinite
            where the model cannot be read so at all.
    """

    way: Way
    longest: int
    rejected: Mapping[Way, float]

    def __str__(self) -> str:
        """One line for people."""
        if not self.rejected:
            return f"read by {self.way}"
        gap = self.rejected[WAYS[0]]
        why = "cannot be read so" if gap == float("inf") else f"differs by {gap:.2g} nats a token"
        return f"read by {self.way}; {WAYS[0]} {why}"


_PROOFS: dict[tuple[Any, ...], Proof] = {}
_SAID: set[str] = set()


def fast_path(model: Any, longest: int = SHORTEST) -> Proof:
    """The fastest way to read ``model`` that gives its own log-probabilities.

    Compared once for a model, an adapter state and a length, then remembered by this process. Where the fastest
    way is not the model, that is logged once.

    Args:
        model: a ``transformers`` causal model, or the ``PeftModel`` around one, its adapter switched as wanted.
        longest: input tokens of the longest text that is to be read.

    Raises:
        ModelError: the model's own forward pass fails, gives no finite number, another one each time, or looks at
            tokens to the right.
    """
    wanted = _rounded(model, longest)
    known = _PROOFS.get(identity := _identity(model))
    if known is None or known.longest < wanted:
        with _evaluating(model):
            known = _proof(model, wanted)
        _PROOFS[identity] = known
        if known.rejected:
            _say(f"{type(causal_of(model)).__name__} is {known}")
    return known


def _proof(model: Any, longest: int) -> Proof:
    tried = list(sequences(model, longest))
    with in_fp32(model):
        with own_attention(causal_of(model)):
            expected = {ids: _own(model, ids) for ids in tried}
            _check_own(model, tried[0], expected[tried[0]])
        rejected: dict[Way, float] = {}
        for way in WAYS[:-1]:
            gap = _gap(model, way, expected)
            if gap <= TOLERANCE:
                return Proof(way, longest, rejected)
            rejected[way] = gap
    return Proof(PLAIN, longest, rejected)


def sequences(model: Any, longest: int) -> Iterator[Ids]:
    """Made-up sequences of token ids: two with a common beginning, some of other lengths, one with ``longest`` inputs.

    The ids are drawn from the middle of the vocabulary, away from special tokens, and the long one repeats itself,
    which makes a model look far back.
    """
    size = embeddings(model)
    draw = torch.Generator().manual_seed(0)

    def drawn(count: int) -> list[int]:
        return torch.randint(size // 4, max(3 * size // 4, size // 4 + 1), (count,), generator=draw).tolist()

    start = drawn(9)
    lengths = (16, 9, 24, 4)
    rows = [start + drawn(lengths[0]), start + drawn(lengths[1]), drawn(lengths[2]), drawn(lengths[3])]
    yield from (tuple(row[: longest + 1]) for row in rows)
    pattern = drawn(40)
    yield tuple((pattern * (longest // len(pattern) + 1))[: longest + 1])


def _gap(model: Any, way: Way, expected: Mapping[Ids, Tensor]) -> float:
    """The largest difference of a token's log-probability, nats; infinite where the model cannot be read so."""
    if way.head and not has_bare_head(model):
        return float("inf")
    try:
        found = _read(model, way, expected)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        return float("inf")
    gaps = [float((torch.tensor(found[ids]).double() - own).abs().max()) for ids, own in expected.items()]
    return float("inf") if any(map(math.isnan, gaps)) else max(gaps)


def _read(model: Any, way: Way, wanted: Iterable[Ids]) -> dict[Ids, list[float]]:
    groups = planned(way, wanted, BUDGET)
    return dict(item for group in groups for item in batch_log_probs(model, way, group))


@torch.inference_mode()
def _own(model: Any, ids: Ids) -> Tensor:
    """log p of each token of ``ids`` but the first, by the model alone; fp64, nats."""
    inputs, following = torch.tensor([ids[:-1], ids[1:]], device=model.device)
    try:
        logits = own_logits(model, input_ids=inputs[None])[0].double()
        return logits.log_softmax(-1).gather(-1, following[:, None]).squeeze(-1).cpu()
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{type(causal_of(model)).__name__} cannot read a sequence of {len(ids) - 1} tokens "
            f"({type(error).__name__}: {reason})",
            "give a causal language model that transformers can run",
        ) from error


def _check_own(model: Any, ids: Ids, values: Tensor) -> None:
    """Raise :class:`ModelError` unless the model's own numbers are log-probabilities of a causal model."""
    name = type(causal_of(model)).__name__
    if not values.isfinite().all():
        raise ModelError(f"{name} gives log-probabilities that are not finite", "check its weights")
    if not _same(values, _own(model, ids)):
        raise ModelError(
            f"{name} gives other log-probabilities each time it is asked", "give a deterministic model"
        )
    cut = len(ids) // 2
    if not _same(values[: cut - 1], _own(model, ids[:cut])):
        raise ModelError(
            f"{name} is no causal language model: what it predicts depends on tokens to the right",
            "give a decoder that reads from left to right",
        )


def _same(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= TOLERANCE)


def _rounded(model: Any, longest: int) -> int:
    """The length to try: a power of two times :data:`SHORTEST`, within the model's positions."""
    length = SHORTEST
    while length < longest:
        length *= 2
    limit = positions(model)
    return length if limit is None else max(min(length, limit), 1)


def positions(model: Any) -> int | None:
    """How many input tokens the model has positions for, if its configuration says."""
    return usable_positions(causal_of(model))


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _identity(model: Any) -> tuple[Any, ...]:
    """What tells this model, in this state, from any other that the process may hold.

    Of an adapter its settings and whether it is on: its weights change in training, and no way of reading with them.
    """
    causal = causal_of(model)
    config = {name: value for name, value in causal.config.to_dict().items() if name != "_name_or_path"}
    adapters = [module for module in model.modules() if hasattr(module, "disable_adapters")]
    frozen = [value for name, value in model.named_parameters() if "lora_" not in name]
    return (
        type(causal).__name__,
        json.dumps(config, sort_keys=True, default=str),
        causal.config._attn_implementation,
        str(model.device),
        repr(getattr(model, "peft_config", None)),
        any(module.disable_adapters for module in adapters),
        _digest(frozen),
    )


@torch.no_grad()
def _digest(parameters: Sequence[Tensor]) -> tuple[float, ...]:
    """A few numbers of every parameter."""
    sums = [value.flatten()[:64].double().abs().sum() for value in parameters]
    return (float(len(sums)), *torch.stack(sums).tolist())


def _say(message: str) -> None:
    if message not in _SAID:
        _SAID.add(message)
        _LOG.warning(message)
