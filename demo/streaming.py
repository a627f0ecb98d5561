"""Base and tuned decoded together: one batch through one set of weights, the adapter on for some rows only.

PEFT's mixed batches (``adapter_names``) switch the adapter row by row, so that the weights pass through the cores
once a token for all answers; :mod:`demo.rows` teaches it to our fused layers. Everything else is the pipeline's own
decoding: :func:`generate_batch` is handed a model that tells a listener of every token.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import generate_batch, plan_batches, stop_ids
from counterpoise.generation.prompts import Prompt
from counterpoise.models.fused import ADAPTER
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Generation, Variant
from demo.rows import BASE_ROW

ADAPTERS: dict[Variant, str] = {"base": BASE_ROW, "tuned": ADAPTER}
"""What PEFT calls a row without the adapter, and one with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to make: a prompt, and whether the adapter is on."""

    prompt: Prompt
    variant: Variant


@dataclass(frozen=True, slots=True)
class Partial:
    """The answers so far, in the order of the rows; ``done`` when nothing will be added."""

    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    done: bool = False


def stream(
    loaded: LoadedModel,
    rows: Sequence[Row],
    config: GenerationConfig,
    *,
    seed: int,
    turn: AbstractContextManager[Any],
) -> Iterator[Partial]:
    """Decodes ``rows`` in one batch and yields the texts as they grow: empty ones first, ``done`` last.

    Closing the iterator stops the decoding after the token it is at. Decoding has a thread of its own, which alone
    holds the turn: a page that is left half-way cannot keep it.

    Args:
        config: one continuation a prompt: greedy, or one sample.
        turn: a lock on the model, held while decoding; the first texts come when it is acquired.
        seed: of the draws; rows whose prompts share a template share them, base and tuned always do.

    Raises:
        UsageError: a prompt without tokens, or too long for the model's context.
    """
    (batch,) = plan_batches(loaded, [row.prompt for row in rows], replace_batch(config, len(rows)))
    adapters = [ADAPTERS[rows[request.index].variant] for request in batch]
    listener = _Listener(loaded, [request.ids for request in batch])
    mixed = replace(loaded, model=_Mixed(loaded.model, adapters, listener))

    def decode() -> list[Generation]:
        with turn:
            listener.begin()
            return generate_batch(mixed, batch, config, seed=seed, variant="base")

    places = [request.index for request in batch]
    for texts, tokens, done in listener.follow(decode):
        order = sorted(range(len(places)), key=places.__getitem__)
        yield Partial(tuple(texts[at] for at in order), tuple(tokens[at] for at in order), done)


def replace_batch(config: GenerationConfig, rows: int) -> GenerationConfig:
    """The same config with every row in one batch."""
    return config.model_copy(update={"batch_size": rows})


class _Mixed:
    """A PEFT model whose ``generate`` names each row's adapter and tells a listener of every token."""

    def __init__(self, model: Any, adapters: list[str], listener: _Listener) -> None:
        self._model, self._adapters, self._listener = model, adapters, listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, **options: Any) -> Any:
        with _own_hooks_removed(self._model):
            return self._model.generate(
                **options,
                adapter_names=self._adapters,
                streamer=self._listener,
                stopping_criteria=StoppingCriteriaList([self._listener.stopped]),
            )


@contextlib.contextmanager
def _own_hooks_removed(model: Any) -> Iterator[None]:
    """Leaves the model with the hooks it had: PEFT does not take its own away when decoding fails."""
    before = {module: set(module._forward_pre_hooks) for module in model.modules()}
    try:
        yield
    finally:
        for module, known in before.items():
            for key in set(module._forward_pre_hooks) - known:
                del module._forward_pre_hooks[key]
                module._forward_pre_hooks_with_kwargs.pop(key, None)


class _Stopped(StoppingCriteria):  # type: ignore[misc]
    """Ends every row once the event is set: an exception would leave PEFT's hooks behind."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self._event.is_set(), dtype=torch.bool, device=input_ids.device)


Update = tuple[list[str], list[int], bool]


class _Listener:
    """Collects tokens in the decoding thread and hands texts to whoever follows; transformers' streamer."""

    def __init__(self, loaded: LoadedModel, prompts: Sequence[tuple[int, ...]]) -> None:
        self._tokenizer = loaded.tokenizer
        self._stop = set(stop_ids(loaded.tokenizer, loaded.model)[0])
        self._prompts = prompts
        self._new: list[list[int]] = [[] for _ in prompts]
        self._over = [False] * len(prompts)
        self._past_prompt = False
        self._updates: queue.Queue[Update | BaseException] = queue.Queue()
        self._cancelled = threading.Event()
        self.stopped = _Stopped(self._cancelled)

    def begin(self) -> None:
        """The rows' turn has come."""
        self._updates.put(([""] * len(self._new), [0] * len(self._new), False))

    def put(self, value: torch.Tensor) -> None:
        """The next token of every row; the first call brings the prompts."""
        if not self._past_prompt:
            self._past_prompt = True
            return
        for at, token in enumerate(value.tolist()):
            self._over[at] = self._over[at] or token in self._stop
            if not self._over[at]:
                self._new[at].append(token)
        self._updates.put(
            ([self._text(at) for at in range(len(self._new))], list(map(len, self._new)), False)
        )

    def end(self) -> None:
        """Nothing more comes; the decoding thread itself says so."""

    def follow(self, decode: Callable[[], list[Generation]]) -> Iterator[Update]:
        """Runs ``decode`` in a thread of its own and yields what it says, its result last."""
        thread = threading.Thread(target=self._run, args=(decode,), daemon=True)
        thread.start()
        try:
            while True:
                update = self._updates.get()
                if isinstance(update, BaseException):
                    raise update
                yield update
                if update[2]:
                    return
        finally:
            self._cancelled.set()
            thread.join()

    def _run(self, decode: Callable[[], list[Generation]]) -> None:
        try:
            made = decode()
        except BaseException as error:
            self._updates.put(error)
        else:
            self._updates.put(([row.text for row in made], [row.tokens for row in made], True))

    def _text(self, at: int) -> str:
        before, whole = (
            str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
            for ids in (list(self._prompts[at]), [*self._prompts[at], *self._new[at]])
        )
        return whole[len(before) :].removesuffix("\ufffd")  # half a character: its other half is to come
