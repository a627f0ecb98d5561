"""The folder that is published, apart from its weights: card, provenance, and how it gets to its place."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from counterpoise.errors import UsageError

CARD, PROVENANCE = "README.md", "counterpoise.json"


def write_texts(out: Path, card: str, provenance: dict[str, Any]) -> None:
    """The model card, and the same facts for machines."""
    (out / CARD).write_text(card, encoding="utf-8")
    text = json.dumps(provenance, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (out / PROVENANCE).write_text(text + "\n", encoding="utf-8")


def files_of(folder: Path) -> list[tuple[str, int]]:
    """Name and size in bytes of every file, sorted by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]


def check_target(target: Path) -> None:
    """Refuses a place that could not be published to.

    Raises:
        UsageError: it is a file, a folder with something else in it, or cannot be written.
    """
    if target.exists() and not (target.is_dir() and _is_ours(target)):
        raise UsageError(f"{target} is not empty and was not published from here", "name a new folder")
    above = next(place for place in target.absolute().parents if place.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise UsageError(f"{target}: {above} cannot be written", "name a folder in one that can")


def deliver_to_folder(made: Path, target: Path) -> None:
    """Copies a made folder to ``target``; an earlier publication there is replaced as a whole.

    Raises:
        UsageError: as :func:`check_target`.
    """
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.publishing")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(made, draft, copy_function=shutil.copyfile)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def _is_ours(folder: Path) -> bool:
    return (folder / PROVENANCE).is_file() or not any(folder.iterdir())
