"""Which neutral sentences are used, and for what: decided by their own hash, so never by chance or by order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from counterpoise.errors import DataError
from counterpoise.neutral.records import NeutralText, Part

MIN_WORDS, MAX_WORDS = 8, 60


def parse_neutral(data: bytes, where: str) -> list[str]:
    """The sentences in a file: BOLD's Wikipedia JSON (Dhamala et al. 2021), or one sentence a line.

    Raises:
        DataError: broken UTF-8 or JSON, or no sentence.
    """
    try:
        text = data.decode("utf-8-sig")
        found = list(_strings(json.loads(text))) if where.endswith(".json") else text.splitlines()
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{where}: {error}", "expected UTF-8, one sentence a line or BOLD's JSON") from None
    sentences = [sentence.strip() for sentence in found if sentence.strip()]
    if not sentences:
        raise DataError(f"{where}: no sentence in it", "expected one sentence a line or BOLD's JSON")
    return sentences


def select_neutral(
    sentences: Sequence[str], probes: int, evaluations: int, where: str, replays: int = 0
) -> list[NeutralText]:
    """The first ``probes`` sentences by sha256 for training's guards, the next ``evaluations`` for the report,
    and ``replays`` more to train beside.

    Duplicates, and sentences of fewer than 8 or more than 60 words, are left out.

    Raises:
        DataError: there are too few.
    """
    usable = {text for text in sentences if MIN_WORDS <= len(text.split()) <= MAX_WORDS}
    ordered = sorted(usable, key=lambda text: hashlib.sha256(text.encode()).digest())
    if len(ordered) < probes + evaluations + replays:
        raise DataError(
            f"{where}: {len(ordered)} usable sentences, {probes} + {evaluations} + {replays} asked for",
            "lower capability.probe_texts, evaluation_texts or replay_texts, or name a larger source",
        )
    sizes: dict[Part, int] = {"probe": probes, "evaluation": evaluations, "replay": replays}
    parts = [part for part, size in sizes.items() for _ in range(size)]
    return [
        NeutralText(number, text, part)
        for number, (text, part) in enumerate(zip(ordered, parts, strict=False))
    ]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
