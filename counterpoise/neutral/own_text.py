"""The base's own text: what it writes after ordinary beginnings, to hold a model to while it trains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from counterpoise.generation.decode import continuation, decode_batch, plan_batches
from counterpoise.generation.decoding import Decoding
from counterpoise.generation.prompts import own_prompt
from counterpoise.metrics.health import fault
from counterpoise.neutral.beginnings import beginnings
from counterpoise.neutral.records import NeutralText, OwnText
from counterpoise.neutral.records import Part as NeutralPart

if TYPE_CHECKING:
    from counterpoise.generation.decode import Batch, Request
    from counterpoise.generation.prompts import Prompt
    from counterpoise.models.loading import LoadedModel

MIN_TOKENS = 8
"""Shorter continuations say little about how the model goes on."""
DECODING = Decoding(samples=1, greedy=True)
"""One greedy and one sampled continuation of each beginning, of 32 tokens."""

Part = Literal["train", "guard"]
SOURCES: Mapping[Part, NeutralPart] = {"train": "beginning", "guard": "guard"}
"""Which neutral sentences each part continues."""


def plan(loaded: LoadedModel, texts: Sequence[NeutralText]) -> list[tuple[Part, Batch]]:
    """The batches in which the base continues each part's beginnings; each can be written on its own."""
    return [
        (part, batch)
        for part, source in SOURCES.items()
        for batch in plan_batches(loaded, _prompts(texts, source), DECODING)
    ]


def _prompts(texts: Sequence[NeutralText], source: NeutralPart) -> list[Prompt]:
    return [own_prompt(text) for text in beginnings(row.text for row in texts if row.part == source)]


def write(loaded: LoadedModel, batch: Batch, part: Part, seed: int) -> list[OwnText]:
    """What the base makes of one batch; numbered within it, in its order."""
    decoded = decode_batch(loaded, batch, DECODING, seed=seed)
    return [_record(loaded, request, ids, part) for request, ids in zip(batch, decoded, strict=True)]


def numbered(texts: Iterable[OwnText]) -> list[OwnText]:
    """The texts worth keeping, numbered in order."""
    return [replace(text, text_id=number) for number, text in enumerate(filter(worth_keeping, texts))]


def worth_keeping(text: OwnText) -> bool:
    """Whether training should hold a model to it: a greedy loop of the base is nothing to keep."""
    written = len(text.tokens) - text.start
    return written >= MIN_TOKENS and not (text.greedy and fault(text.text) is not None)


def _record(loaded: LoadedModel, request: Request, ids: Sequence[int], part: Part) -> OwnText:
    return OwnText(
        text_id=request.index,
        part=part,
        greedy=request.greedy,
        prompt=request.prompt.text,
        text=continuation(loaded.tokenizer, request.ids, ids),
        tokens=(*request.ids, *ids),
        start=len(request.ids),
    )
