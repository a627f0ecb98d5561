"""People's votes in the store: one small Parquet file a vote, written atomically and never changed.

A file appears complete or not at all, and two writers never touch the same one: a killed server loses at most the
vote it had not confirmed, and any number of pages may vote at once, in a folder as in a bucket. They belong to the
adapter that was judged, so that later runs that reuse it have them too. ``gc`` leaves them alone.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from counterpoise.artifacts.layout import VOTES as FOLDER
from counterpoise.artifacts.layout import checked_key
from counterpoise.artifacts.parquet import read_records, write_table
from counterpoise.artifacts.store import Store
from counterpoise.artifacts.table_spec import Column, TableSpec
from counterpoise.errors import CounterpoiseError
from counterpoise.votes.records import Vote

_CHOICE = "base, tuned, tie or both bad"
VOTES = TableSpec(
    "votes",
    1,
    (
        Column("vote_id", "string", "Random name of the vote"),
        Column("cast_at", "string", "When, ISO 8601 in UTC"),
        Column("rater", "string", "Random id of the browser that voted"),
        Column("run", "string", "The run whose page was open"),
        Column("adapter", "string", "sha256 of the adapter that was judged"),
        Column("item", "string", "sha256 of prompt and both answers"),
        Column("prompt", "string", "What both answers continue"),
        Column("base", "string", "The base model's continuation"),
        Column("tuned", "string", "The tuned model's continuation"),
        Column("shown_first", "string", "Which of the two was shown as A: base or tuned"),
        Column("fluency", "string", f"Which reads better: {_CHOICE}"),
        Column("bias", "string", f"Which is less biased: {_CHOICE}"),
    ),
)


class VoteBox:
    """The votes on one adapter.

    Args:
        adapter: content hash of the adapter, 64 hex digits.
    """

    def __init__(self, store: Store, adapter: str) -> None:
        self._backend = store.backend
        self._folder = f"{FOLDER}/{checked_key(adapter)}"
        self._read: dict[str, Vote] = {}
        self.unreadable: tuple[str, ...] = ()
        """Files that the last :meth:`votes` could not read."""

    def cast(self, vote: Vote) -> None:
        """Appends a vote; when this returns it is durable.

        Raises:
            StoreError: it could not be written; nothing half-written is visible then.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vote.parquet"
            write_table(path, VOTES, [vote])
            self._backend.write(f"{self._folder}/{vote.vote_id}.parquet", path.read_bytes())

    def votes(self) -> list[Vote]:
        """Every readable vote, oldest first; each file is read once.

        Raises:
            StoreError: the store cannot be read.
        """
        unreadable = []
        found = {}
        for name in [entry.name for entry in self._backend.entries(self._folder)]:
            try:
                found[name] = self._read.get(name) or self._parsed(name)
            except FileNotFoundError:
                continue
            except (CounterpoiseError, ValueError):
                unreadable.append(name)
        self._read, self.unreadable = found, tuple(unreadable)
        return sorted(found.values(), key=lambda vote: (vote.cast_at, vote.vote_id))

    def _parsed(self, name: str) -> Vote:
        data = self._backend.read(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vote.parquet"
            path.write_bytes(data)
            (vote,) = read_records(path, VOTES, Vote)
        return vote


def digest(votes: list[Vote]) -> str:
    """What pins a set of votes: the sha256 of their names, which are random and never reused."""
    names = "\n".join(sorted(vote.vote_id for vote in votes))
    return hashlib.sha256(names.encode()).hexdigest()
