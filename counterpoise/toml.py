"""TOML that people write: with or without a byte order mark, and never so deep or large that reading it ends badly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

LARGEST = 4 << 20
"""Bytes; the built-in lexicon and registry together have a hundredth of it."""


def parse_toml(text: str) -> dict[str, Any]:
    """The values in a TOML text.

    Raises:
        ValueError: it is not TOML, or nested too deeply to be read.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The values in a TOML file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, not UTF-8, not TOML, or nested too deeply.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{size:,} bytes; the most is {LARGEST:,}")
    return parse_toml(path.read_text(encoding="utf-8"))
