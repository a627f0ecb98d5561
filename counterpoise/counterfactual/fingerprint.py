"""The identity of the data behind the swaps, for cache keys."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from counterpoise.counterfactual.config import CounterfactualConfig
from counterpoise.counterfactual.lexicon_file import builtin_texts, read_user_file


def lexicon_hash(config: CounterfactualConfig) -> str:
    """sha256, hex, over the built-in lexicon, the word lists, the user's file and the parser if one is used."""
    folder = resources.files("counterpoise.counterfactual")
    lists = {name: (folder / name).read_text(encoding="utf-8") for name in ("english.toml", "people.toml")}
    parts = {**builtin_texts(), **lists}
    if config.lexicon:
        parts["user"] = read_user_file(Path(config.lexicon))
    if config.syntax == "spacy":
        parts["spacy"] = _pipeline_hash(config.spacy_model)
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(f"{name}\0{len(parts[name])}\0{parts[name]}".encode())
    return digest.hexdigest()


def _pipeline_hash(name: str) -> str:
    from counterpoise.sources.datasets import source_hash  # noqa: PLC0415 - brings the network, rarely needed

    return source_hash(name)
