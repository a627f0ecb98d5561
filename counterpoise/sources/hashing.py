"""SHA-256 of files and of folders, and a memory of what was verified so that it is not read twice."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from counterpoise.files import listing_sha256, replacing, sha256_file


def tree_sha256(folder: Path) -> str:
    """:func:`listing_sha256` of every file under ``folder``; links are not followed and never match."""
    return listing_sha256(
        (path.relative_to(folder).as_posix(), _entry_sha256(path)) for path in _files(folder)
    )


def path_sha256(path: Path) -> str:
    """:func:`tree_sha256` of a folder, :func:`sha256_file` of a file."""
    return tree_sha256(path) if path.is_dir() else sha256_file(path)


def verified_sha256(path: Path) -> str:
    """:func:`path_sha256`, remembered beside ``path`` for as long as no size or modification time changes."""
    memo = path.with_name(f"{path.name}.verified.json")
    stamp = _stamp(path)
    known = _read_memo(memo)
    if known is not None and known.get("stamp") == stamp and isinstance(known.get("sha256"), str):
        return str(known["sha256"])
    digest = path_sha256(path)
    _write_memo(memo, {"sha256": digest, "stamp": stamp})
    return digest


def _stamp(path: Path) -> list[list[str | int]]:
    files = _files(path) if path.is_dir() else [path]
    base = path if path.is_dir() else path.parent
    stats = ((file.relative_to(base).as_posix(), file.lstat()) for file in files)
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _entry_sha256(path: Path) -> str:
    return f"link to {path.readlink()}" if path.is_symlink() else sha256_file(path)


def _read_memo(memo: Path) -> dict[str, object] | None:
    try:
        value = json.loads(memo.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _write_memo(memo: Path, value: dict[str, object]) -> None:
    # A memo only saves reading the file again: a read-only cache works without it.
    with contextlib.suppress(OSError), replacing(memo, durable=False) as draft:
        draft.write_text(json.dumps(value), encoding="utf-8")
