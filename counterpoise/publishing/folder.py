"""The folder that is published, apart from its weights: card, provenance, and how it gets to its place."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoise.errors import CounterpoiseError, UsageError
from counterpoise.files import sync_folder, sync_tree

CARD, PROVENANCE = "README.md", "counterpoise.json"


def write_texts(out: Path, card: str, provenance: dict[str, Any], more: Mapping[str, str]) -> None:
    """The model card, the same facts for machines, and more files (path → text)."""
    for name, content in more.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(content, encoding="utf-8")
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
        UsageError: it is a file, a folder with something else in it, in no folder that is there, or cannot be written.
    """
    if target.exists() and not (target.is_dir() and _is_ours(target)):
        raise UsageError(f"{target} is not empty and was not published from here", "name a new folder")
    above = next(place for place in target.absolute().parents if place.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise UsageError(f"{target}: {above} cannot be written", "name a folder in one that can")
    if above != target.absolute().parent:
        raise UsageError(
            f"the folder {target.parent} does not exist", f"mkdir -p {shlex.quote(str(target.parent))}"
        )


def deliver_to_folder(made: Path, target: Path) -> None:
    """Copies a made folder to ``target``; an earlier publication there is replaced as a whole, or stays as it was.

    Raises:
        UsageError: as :func:`check_target`.
        CounterpoiseError: the disk is full or fails; nothing new is left there.
    """
    check_target(target)
    place = target.absolute()
    draft, before = (place.with_name(f".{place.name}.{what}") for what in ("publishing", "before"))
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _copy(made, draft)
        _put_in_place(draft, place, before)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        size = sum(size for _, size in files_of(made))
        raise CounterpoiseError(
            f"{target} could not be published: {error.strerror}",
            f"it takes {size:,} bytes; nothing was left there, so the same command tries again",
        ) from None


def _copy(made: Path, draft: Path) -> None:
    for name, _ in files_of(made):
        copy = draft / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / name, copy)
    sync_tree(draft)


def _put_in_place(draft: Path, place: Path, before: Path) -> None:
    """Changes the names: what was there goes only once the new folder stands in its place."""
    shutil.rmtree(before, ignore_errors=True)
    replaced = place.exists()
    if replaced:
        place.rename(before)
    try:
        draft.rename(place)
    except OSError:
        if replaced:
            before.rename(place)
        raise
    shutil.rmtree(before, ignore_errors=True)
    sync_folder(place.parent)


def _is_ours(folder: Path) -> bool:
    return (folder / PROVENANCE).is_file() or not any(folder.iterdir())
