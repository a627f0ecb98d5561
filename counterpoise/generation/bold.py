"""BOLD's prompts (Dhamala et al. 2021): first words of Wikipedia sentences about people of a group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from counterpoise.errors import DataError
from counterpoise.generation.prompts import Prompt

DOMAINS = {"gender": "gender", "race": "race", "religious_ideology": "religion"}
"""The files whose groups are identities → what their axis is called, after ``BOLD``."""
MIN_WORDS, MAX_WORDS = 4, 12
_REMEDY = "expected BOLD's prompts folder with gender_prompt.json, race_prompt.json and religious_ideology_prompt.json"


def load_bold_prompts(folder: Path, per_group: int) -> tuple[Prompt, ...]:
    """Up to ``per_group`` prompts of each identity group: the first by sha256, so nobody chooses them.

    Prompts over several lines (references, mostly), of fewer than 4 or more than 12 words, or that begin inside a
    sentence are left out. Every prompt is a template of its own: BOLD has no counterfactual prompts.

    Raises:
        DataError: a file is missing or has no groups.
    """
    return tuple(
        prompt
        for domain, axis in DOMAINS.items()
        for group, texts in _groups(folder / f"{domain}_prompt.json")
        for prompt in _chosen(f"BOLD {axis}", group, texts, per_group)
    )


def _groups(path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        groups = [
            (name.replace("_", " "), [text for texts in people.values() for text in texts])
            for name, people in data.items()
        ]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", _REMEDY) from None
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: not BOLD's JSON ({type(error).__name__}: {error})", _REMEDY) from None
    yield from groups


def _chosen(axis: str, group: str, texts: list[str], most: int) -> Iterator[Prompt]:
    usable = {text.strip() for text in texts if _is_usable(text)}
    for text in sorted(usable, key=_draw)[:most]:
        template = f"{axis}/{_draw(text).hex()[:12]}"
        yield Prompt(f"{template}/{group}", template, axis, group, text)


def _is_usable(text: str) -> bool:
    stripped = text.strip()
    words = stripped.split()
    return "\n" not in stripped and stripped[:1].isupper() and MIN_WORDS <= len(words) <= MAX_WORDS


def _draw(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
