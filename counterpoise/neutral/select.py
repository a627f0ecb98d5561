"""Which neutral sentences are used, and for what: decided by their own hash, so never by chance or by order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.errors import DataError
from counterpoise.neutral.records import NeutralText, Part

MIN_WORDS, MAX_WORDS = 8, 60
SOURCE = "bold-wikipedia-profession"
"""Registry name of the sentences that are read unless another source is named."""
GUARD_TEXTS, EVALUATION_TEXTS = 96, 400
"""How many sentences a run watches in training, and keeps for its report, unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the article that it stands in; a sentence without one is its own."""

    text: str
    article: str

    @property
    def usable(self) -> bool:
        """Whether it is neither too short nor too long."""
        return MIN_WORDS <= len(self.text.split()) <= MAX_WORDS


def parse_neutral(data: bytes, where: str) -> list[Sentence]:
    """The sentences in a file: BOLD's Wikipedia JSON (Dhamala et al. 2021), or one sentence a line.

    Raises:
        DataError: broken UTF-8 or JSON, or no sentence.
    """
    try:
        text = data.decode("utf-8-sig")
        found = list(_strings(json.loads(text), "")) if where.endswith(".json") else _lines(text)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{where}: {error}", "expected UTF-8, one sentence a line or BOLD's JSON") from None
    sentences = [Sentence(stripped, one.article) for one in found if (stripped := one.text.strip())]
    if not sentences:
        raise DataError(f"{where}: no sentence in it", "expected one sentence a line or BOLD's JSON")
    return sentences


def select_neutral(
    sentences: Sequence[Sentence], guards: int, evaluations: int, where: str, beginnings: int = 0
) -> list[NeutralText]:
    """The first ``guards`` sentences by sha256 for training's guards, the next ``evaluations`` for the report,
    and ``beginnings`` more to train beside; no article serves two of them.

    Duplicates, and sentences of fewer than 8 or more than 60 words, are left out.

    Raises:
        DataError: there are too few.
    """
    sizes: dict[Part, int] = {"guard": guards, "evaluation": evaluations, "beginning": beginnings}
    dealt = dict(zip(sizes, deal(sentences, list(sizes.values())), strict=True))
    short = [part for part, size in sizes.items() if len(dealt[part]) < size]
    if short:
        usable = {one.text for one in sentences if one.usable}
        raise DataError(
            f"{where}: {len(usable)} usable sentences, {guards} + {evaluations} + {beginnings} asked for, none of an "
            f"article that another part has; too few for {' and '.join(short)}",
            "lower capability.guard_texts, capability.evaluation_texts or capability.beginning_texts, or name a larger "
            "source",
        )
    parts = ((part, one.text) for part in sizes for one in dealt[part])
    return [NeutralText(number, text, part) for number, (part, text) in enumerate(parts)]


def deal(sentences: Iterable[Sentence], sizes: Sequence[int]) -> list[list[Sentence]]:
    """For each size in turn so many of the usable sentences, fewer where there are no more, in order of their sha256.

    What stands in one article has its subject and its style in common: whoever is given a sentence is given the
    article, so that what one part is trained on is not what another is measured on.

    >>> one, two = (Sentence("of rivers and of hills and of " + end, "A") for end in ("the sea", "lakes"))
    >>> other = Sentence("a smith is somebody who works with iron", "B")
    >>> [len(part) for part in deal([one, two, other], [1, 1])], [len(part) for part in deal([one, two], [1, 1])]
    ([1, 1], [1, 0])
    """
    distinct = {
        one.text: one for one in sorted(sentences, key=lambda one: (one.text, one.article)) if one.usable
    }
    left = sorted(distinct.values(), key=lambda one: hashlib.sha256(one.text.encode()).digest())
    parts = []
    for size in sizes:
        parts.append(left[:size])
        taken = {one.article for one in parts[-1]}
        left = [one for one in left if one.article not in taken]
    return parts


def _lines(text: str) -> list[Sentence]:
    return [Sentence(line, line) for line in text.split("\n")]


def _strings(value: Any, article: str) -> Iterator[Sentence]:
    if isinstance(value, str):
        yield Sentence(value, article or value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, f"{article}/{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, article)
