"""Training checkpoints that are either complete or ignored.

A checkpoint is written under a temporary name, synced, renamed into place, and only then gets ``COMPLETE``,
which lists every file's size and sha256. Reading trusts nothing that this file does not vouch for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from counterpoise.files import replacing, sha256_file, sync_folder, sync_tree

MARKER = "COMPLETE"
KEEP = 2
_PREFIX = "checkpoint-"
_TEMPORARY = ".writing-"


def write_checkpoint(root: Path, step: int, run: str, write: Callable[[Path], None]) -> Path:
    """Make ``root/checkpoint-<step>`` complete, then delete all but the newest two.

    Args:
        run: fingerprint of everything that shapes the training; only the same run may resume from it.
        write: puts the files into the empty folder it is given.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{_PREFIX}{step:08d}"
    draft = root / f"{_TEMPORARY}{folder.name}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    write(draft)
    sync_tree(draft)
    files = {path.name: _digest(path) for path in sorted(draft.iterdir())}
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    sync_folder(root)
    with replacing(folder / MARKER) as marker:
        marker.write_text(json.dumps({"run": run, "step": step, "files": files}, indent=1), encoding="utf-8")
    _prune(root, run)
    return folder


def newest_checkpoint(root: Path, run: str) -> Path | None:
    """The newest complete and undamaged checkpoint of this run; torn or foreign ones are passed over."""
    return next((folder for folder in _folders(root) if is_valid(folder, run)), None)


def is_valid(folder: Path, run: str) -> bool:
    """Whether ``folder`` is complete, of this run, and every file has its recorded size and sha256."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files: dict[str, list[object]] = marker["files"]
        return marker["run"] == run and all(
            _digest(folder / name) == expected for name, expected in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _prune(root: Path, run: str) -> None:
    """Keep the newest checkpoints that count; what is torn, foreign or older goes."""
    complete = [folder for folder in _folders(root) if _belongs(folder, run)]
    for folder in _folders(root):
        if folder not in complete[:KEEP]:
            shutil.rmtree(folder, ignore_errors=True)
    for draft in root.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(draft, ignore_errors=True)


def _belongs(folder: Path, run: str) -> bool:
    try:
        return bool(json.loads((folder / MARKER).read_text(encoding="utf-8"))["run"] == run)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _folders(root: Path) -> list[Path]:
    return sorted(root.glob(f"{_PREFIX}*"), reverse=True)


def _digest(path: Path) -> list[object]:
    """``[size in bytes, sha256]`` of a file."""
    return [path.stat().st_size, sha256_file(path)]
