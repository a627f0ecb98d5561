"""Base and tuned decoded together: one batch through one set of weights, the adapter on for some rows only.

PEFT's mixed batches (``adapter_names``) switch the adapter row by row, so that the weights pass through the cores
once a token for all answers; :mod:`counterpoise.demo.rows` teaches it to our fused layers. Everything else is
the pipeline's own
decoding: :func:`generate_batch` is handed a model that notes every token in its row. A row ends alone: at a stop
token, at its own length, or when it is told to, while the others go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from counterpoise.demo.rows import BASE_ROW
from counterpoise.errors import UsageError
from counterpoise.generation.config import GenerationConfig
from counterpoise.generation.decode import Batch, generate_batch, plan_batches, stop_ids
from counterpoise.generation.prompts import Prompt
from counterpoise.models.fused import ADAPTER
from counterpoise.models.loading import LoadedModel
from counterpoise.records import Variant

ADAPTERS: dict[Variant, str] = {"base": BASE_ROW, "tuned": ADAPTER}
"""What PEFT calls a row without the adapter, and one with it."""


@dataclass(slots=True, eq=False)
class Row:
    """One answer: what is asked, and as far as it is written. Written by one thread, read by any.

    Attributes:
        longest: tokens after which it ends.
        greedy: whether it takes the most probable token each time.
        stop: set by anyone who wants it to end after the token it is at.
        text, tokens: the continuation so far.
        over: nothing will be added.
    """

    prompt: Prompt
    variant: Variant
    longest: int
    greedy: bool = True
    stop: bool = False
    text: str = ""
    tokens: tuple[int, ...] = field(default=())
    over: bool = False


def check_rows(loaded: LoadedModel, rows: Sequence[Row]) -> None:
    """Refuses what cannot be decoded, before it waits.

    Raises:
        UsageError: a prompt without tokens, or too long for the model's context.
    """
    _planned(loaded, rows, 1.0)


def decode(
    loaded: LoadedModel, rows: Sequence[Row], temperature: float, told: Callable[[], None], *, seed: int = 0
) -> None:
    """Writes every row in one batch.

    Args:
        temperature: of the rows that are sampled.
        told: called after each token.
        seed: of the draws; rows whose prompts share a template share them, base and tuned always do.

    Raises:
        UsageError: as :func:`check_rows`, or no memory for so many rows.
    """
    config, batch = _planned(loaded, rows, temperature)
    ordered = [rows[request.index] for request in batch]
    mixed = replace(loaded, model=_Mixed(loaded.model, ordered, _Pen(loaded, batch, ordered, told)))
    generate_batch(mixed, batch, config, seed=seed, variant="base")


def _planned(loaded: LoadedModel, rows: Sequence[Row], temperature: float) -> tuple[GenerationConfig, Batch]:
    config = GenerationConfig(
        samples=1,
        greedy=False,
        max_new_tokens=max(row.longest for row in rows),
        temperature=temperature,
        batch_size=len(rows),
    )
    (batch,) = plan_batches(loaded, [row.prompt for row in rows], config)
    return config, tuple(replace(request, greedy=rows[request.index].greedy) for request in batch)


class _Mixed:
    """A PEFT model whose ``generate`` names each row's adapter and has every token noted."""

    def __init__(self, model: Any, rows: Sequence[Row], pen: _Pen) -> None:
        self._model, self._pen = model, pen
        self._adapters = [ADAPTERS[row.variant] for row in rows]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, **options: Any) -> Any:
        if len(options["input_ids"]) != len(self._adapters):  # halved: the memory was full
            raise UsageError(f"no memory for {len(self._adapters)} answers at once", "ask for shorter ones")
        with _own_hooks_removed(self._model):
            return self._model.generate(
                **options,
                adapter_names=self._adapters,
                streamer=self._pen,
                stopping_criteria=StoppingCriteriaList([_Over(self._pen)]),
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


class _Over(StoppingCriteria):  # type: ignore[misc]
    """Ends the rows that are over: an exception would leave PEFT's hooks behind, and end the others too."""

    def __init__(self, pen: _Pen) -> None:
        self._pen = pen

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        return torch.tensor([row.over for row in self._pen.rows], dtype=torch.bool, device=input_ids.device)


class _Pen:
    """Notes each new token in its row; transformers' streamer."""

    def __init__(
        self, loaded: LoadedModel, batch: Batch, rows: Sequence[Row], told: Callable[[], None]
    ) -> None:
        self.rows = rows
        self._tokenizer = loaded.tokenizer
        self._stop = set(stop_ids(loaded.tokenizer, loaded.model)[0])
        self._prompts = [request.ids for request in batch]
        self._before = [len(self._decoded(ids)) for ids in self._prompts]
        self._past_prompt = False
        self._told = told

    def put(self, value: torch.Tensor) -> None:
        """The next token of every row; the first call brings the prompts."""
        if not self._past_prompt:
            self._past_prompt = True
            return
        for at, token in enumerate(value.tolist()):
            if not self.rows[at].over:
                self._note(at, token)
        self._told()

    def end(self) -> None:
        """Nothing more comes; the rows say so themselves."""

    def _note(self, at: int, token: int) -> None:
        row = self.rows[at]
        stopped = token in self._stop
        if not stopped:
            row.tokens = (*row.tokens, token)
        over = stopped or row.stop or len(row.tokens) >= row.longest
        text = self._decoded((*self._prompts[at], *row.tokens))[self._before[at] :]
        row.text = (
            text if over else text.removesuffix("\ufffd")
        )  # half a character: its other half is to come
        row.over = over

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )
