"""A memo of which large files were verified already."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from counterpoise.files import sha256_file

MEMO_FLOOR = 1 << 20
"""Files smaller than this (bytes) are hashed every time: it costs under a millisecond."""

_SETTLED_S = 0.1
"""A file changed within this time may change again without a new timestamp, so it is not memoised yet."""


class HashMemo:
    """Remembers the sha256 of large files by path, inode, size and change times.

    It can only spare work: an entry is used when nothing about the file has changed, and a hash that
    disagrees with what the caller expects is always computed again. Stored as append-only JSON lines in
    256 small files, so that many processes can share it and none reads all of it.

    Args:
        folder: where the memo is kept; None remembers nothing between processes.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._shards: dict[str, dict[str, tuple[list[int], str]]] = {}

    def sha256(self, path: Path, expected: str | None = None) -> str:
        """sha256 of ``path``, from the memo when the file is unchanged.

        Args:
            expected: what the caller hopes for; a memoised value that differs is not believed.
        """
        before = _identity(path)
        if before[0] < MEMO_FLOOR:
            return sha256_file(path)
        name = str(path.absolute())
        known = self._shard(name).get(name)
        if known is not None and known[0] == before and expected in {None, known[1]}:
            return known[1]
        digest = sha256_file(path)
        if _identity(path) == before and time.time() - max(before[2:]) / 1e9 > _SETTLED_S:
            self._remember(name, before, digest)
        return digest

    def _shard(self, name: str) -> dict[str, tuple[list[int], str]]:
        shard = hashlib.sha256(name.encode()).hexdigest()[:2]
        if shard not in self._shards:
            self._shards[shard] = {}
            for line in self._lines(shard):
                try:
                    path, identity, digest = json.loads(line)
                    self._shards[shard][path] = (identity, digest)
                except ValueError:
                    continue  # a line torn by a kill: the file is hashed again
        return self._shards[shard]

    def _lines(self, shard: str) -> list[str]:
        try:
            return (self._folder / shard).read_text("utf-8", "replace").splitlines() if self._folder else []
        except OSError:
            return []

    def _remember(self, name: str, identity: list[int], digest: str) -> None:
        self._shard(name)[name] = (identity, digest)
        if self._folder is None:
            return
        path = self._folder / hashlib.sha256(name.encode()).hexdigest()[:2]
        line = json.dumps([name, identity, digest]) + "\n"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            return  # a cache that cannot be written only costs time


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
