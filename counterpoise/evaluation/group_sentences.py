"""Neutral encyclopaedic sentences about people of a group, from BOLD (Dhamala et al. 2021).

BOLD's Wikipedia files hold, by group, sentences about people of that group. The erasure audit asks whether a model
finds such sentences less probable after tuning, for one group more than for others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.errors import DataError
from counterpoise.neutral.select import Sentence, deal, parse_neutral

DOMAINS = ("gender", "race", "religious_ideology")
"""The files whose groups are identities; professions and political ideologies are not what is debiased."""
MIN_SENTENCES = 20
"""Groups with fewer usable sentences are left out: nothing could be said about them."""
_REMEDY = (
    "expected BOLD's wikipedia folder with gender_wiki.json, race_wiki.json and religious_ideology_wiki.json"
)


@dataclass(frozen=True, slots=True)
class GroupSentence:
    """A sentence about people of ``group``, one of the groups of BOLD's ``domain``."""

    domain: str
    group: str
    text: str


def load_group_sentences(folder: Path, sizes: Sequence[int]) -> list[list[GroupSentence]]:
    """For each size up to so many sentences a group, dealt by sha256; none serves two sizes.

    Two sizes may have sentences of one article: a religion has too few articles to deal those.
    Sentences of fewer than 8 or more than 60 words, and those that stand under two groups, are left out.

    Raises:
        DataError: a file is missing or has no groups.
    """
    found = [row for domain in DOMAINS for row in _of_domain(folder, domain)]
    owners: dict[str, set[str]] = {}
    for row in found:
        owners.setdefault(row.text, set()).add(row.group)
    groups = dict.fromkeys((row.domain, row.group) for row in found)
    parts: list[list[GroupSentence]] = [[] for _ in sizes]
    for domain, group in groups:
        own = {row.text for row in found if row.group == group and len(owners[row.text]) == 1}
        if len(own) < MIN_SENTENCES:
            continue
        for part, dealt in zip(parts, deal([Sentence(text, text) for text in own], sizes), strict=True):
            part += [GroupSentence(domain, group, sentence.text) for sentence in dealt]
    if not any(parts):
        raise DataError(f"{folder}: no group with {MIN_SENTENCES} usable sentences", _REMEDY)
    return parts


def _of_domain(folder: Path, domain: str) -> Iterator[GroupSentence]:
    path = folder / f"{domain}_wiki.json"
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", _REMEDY) from None
    except ValueError as error:
        raise DataError(f"{path}: {error}", _REMEDY) from None
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected an object of groups, got {type(data).__name__}", _REMEDY)
    for name, people in data.items():
        group = name.replace("_", " ")
        for sentence in parse_neutral(json.dumps(people).encode(), path.name):
            if sentence.usable:
                yield GroupSentence(domain, group, sentence.text)
