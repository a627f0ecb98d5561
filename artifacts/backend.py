"""What a store needs from the place it lives in: a folder here, or a bucket elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from counterpoise.artifacts.manifest import Output


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the store.

    Attributes:
        name: address relative to the store, POSIX.
        size: bytes.
        mtime: when it was last written or used, Unix seconds.
    """

    name: str
    size: int
    mtime: float


class Backend(Protocol):
    """Addresses are relative POSIX names. Absence is ``FileNotFoundError``, other failures ``StoreError``."""

    url: str
    workspace: Path
    """Local folder for drafts; on the store's own file system where it has one."""

    def read(self, name: str) -> bytes:
        """The bytes of a small file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Replaces a small file atomically and durably."""
        ...

    def swap(self, name: str, expected: bytes | None, new: bytes | None) -> bool:
        """Compare and swap of a small file; None stands for absent. Whether it was as expected."""
        ...

    def remove(self, name: str) -> None:
        """Deletes a file; absent is fine."""
        ...

    def touch(self, name: str) -> None:
        """Marks a file or folder as just used, where the place can and may do that."""
        ...

    def entries(self, prefix: str) -> list[Entry]:
        """Every file under a folder, recursively, sorted by name; empty when there is none."""
        ...

    def publish(self, folder: Path, name: str, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Makes the files of local ``folder`` the content of store folder ``name``, all or nothing.

        May move ``folder`` away. Returns the outputs with this place's version tags.
        """
        ...

    def problem(self, name: str, outputs: Sequence[Output], full: bool = False) -> str | None:
        """Why store folder ``name`` is not exactly ``outputs``; None when it is.

        Args:
            full: read every byte, whatever was verified before.
        """
        ...

    def fetch(self, name: str, files: Sequence[str], sha256: str) -> Path:
        """A local folder with exactly ``files``, whose content hash is ``sha256``.

        Raises:
            Damaged: the content is not that.
        """
        ...

    def upload(self, path: Path, name: str) -> None:
        """Copies one local file to ``name`` (replacing it); nothing to do where both are the same file."""
        ...

    def download(self, name: str, path: Path) -> None:
        """Copies file ``name`` to local ``path``; partial downloads are never visible there."""
        ...

    def quarantine(self, name: str, reason: str) -> None:
        """Moves a damaged file or folder out of the way, with the reason beside it."""
        ...

    def remove_tree(self, name: str) -> None:
        """Deletes a file or folder, out of sight at once; absent is fine."""
        ...

    def used_at(self, name: str) -> float:
        """When a file or folder was last marked as used, Unix seconds; 0 where a place does not know."""
        ...

    def heal(self, name: str, outputs: Sequence[str]) -> bool:
        """Moves files not among ``outputs`` out of object folder ``name``; whether there were any."""
        ...

    def settle(self, folder: Path, name: str) -> None:
        """After a commit: a draft that was copied elsewhere becomes the local copy of object ``name``."""
        ...
