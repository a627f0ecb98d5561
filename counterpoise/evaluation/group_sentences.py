"""Neutral encyclopaedic sentences about people of a group, from BOLD (Dhamala et al. 2021).

BOLD's Wikipedia files hold, by group, sentences about people of that group. The erasure audit asks whether a model
finds such sentences less probable after tuning, for one group more than for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.errors import DataError
from counterpoise.neutral.select import MAX_WORDS, MIN_WORDS, parse_neutral

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


def load_group_sentences(folder: Path, most: int, skip: int = 0) -> list[GroupSentence]:
    """Up to ``most`` sentences a group: the first by sha256, so neither chance nor order chooses them.

    Args:
        skip: of each group, this many of the first are left to somebody else.

    Sentences of fewer than 8 or more than 60 words, and those that stand under two groups, are left out.

    Raises:
        DataError: a file is missing or has no groups.
    """
    found = [row for domain in DOMAINS for row in _of_domain(folder, domain)]
    owners: dict[str, set[str]] = {}
    for row in found:
        owners.setdefault(row.text, set()).add(row.group)
    groups = dict.fromkeys((row.domain, row.group) for row in found)
    rows: list[GroupSentence] = []
    large = 0
    for domain, group in groups:
        texts = {row.text for row in found if row.group == group and len(owners[row.text]) == 1}
        if len(texts) >= MIN_SENTENCES:
            large += 1
            chosen = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())[
                skip : skip + most
            ]
            rows += [GroupSentence(domain, group, text) for text in chosen]
    if not large:
        raise DataError(f"{folder}: no group with {MIN_SENTENCES} usable sentences", _REMEDY)
    return rows


def _of_domain(folder: Path, domain: str) -> Iterator[GroupSentence]:
    path = folder / f"{domain}_wiki.json"
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", _REMEDY) from None
    except ValueError as error:
        raise DataError(f"{path}: {error}", _REMEDY) from None
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected an object of groups, got {type(data).__name__}", _REMEDY)
    for name, people in data.items():
        texts = parse_neutral(json.dumps(people).encode(), path.name)
        group = name.replace("_", " ")
        yield from (
            GroupSentence(domain, group, text)
            for text in texts
            if MIN_WORDS <= len(text.split()) <= MAX_WORDS
        )
